"""Each list of people reads an index on a large table, and no more rows than its page needs.

The statements are those that the API and the admin make. What a plan reads is asserted, never how long it takes.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from keystone.accounts.managers import WINDOW
from keystone.accounts.models import User
from keystone.testing.factories import superuser

pytestmark = pytest.mark.django_db
PEOPLE = 20_000
MATCHES = WINDOW + 1  # more than the rows of each search that reads its index
PAGE = 55  # rows, with one that tells whether there are more, and some that are skipped
# One in four waits, one in fifty has yet to verify the address; one in a thousand is staff, was rejected before, has
# another flow. A tenth is called Smith, five are called Zyzzyva, and the oldest hundred Elder.
FILL = """
INSERT INTO keystone_user (id, email, email_normalized, first_name, last_name, password, status, status_changed_at,
    status_reason, approval_flow, rejection_count, awaiting_since, email_verified_at, created_at, updated_at, is_staff,
    is_superuser)
SELECT gen_random_uuid(), address, address, 'Anna',
    CASE WHEN n > %(people)s - 100 THEN 'Elder' WHEN n %% 4000 = 7 THEN 'Zyzzyva' WHEN n %% 10 = 0 THEN 'Smith'
        ELSE 'Name' || n END,
    '', status, now(), '', CASE WHEN n %% 1000 = 3 THEN 'none' ELSE 'admin_approval' END, (n %% 1000 = 20)::int,
    CASE status WHEN 'pending_admin_approval' THEN now() - n * interval '1 minute' END,
    CASE status WHEN 'pending_email_verification' THEN NULL ELSE now() END,
    now() - n * interval '1 minute', now(), n %% 1000 = 5, false
FROM generate_series(1, %(people)s) AS n, concat('seeded', n, '@example.com') AS address,
    LATERAL (SELECT CASE WHEN n %% 4 = 0 THEN 'pending_admin_approval' WHEN n %% 50 = 1 THEN
        'pending_email_verification' ELSE 'active' END AS status) AS given
"""


@pytest.fixture
def many_people() -> User:
    """A large table, analyzed, and a superuser who looks at it."""
    with connection.cursor() as cursor:
        cursor.execute(FILL, {"people": PEOPLE})
        cursor.execute("ANALYZE keystone_user")
        cursor.execute("SET LOCAL enable_seqscan = off")  # this table is still small enough for it, in places
    return superuser()


def nodes_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes_of(child)


def read_from_people(ask: Callable[[], Any]) -> tuple[set[str], int]:
    """Ask, and run each of its SELECTs on people again, explained.

    Returns:
        The names of the indexes, with `Seq Scan` for the whole table, and how many rows were read at most.
    """
    with CaptureQueriesContext(connection) as made:
        answer = ask()
    assert answer.status_code == 200
    statements = [query["sql"] for query in made.captured_queries]
    indexes, most = set(), 0
    # Without the counts: those of the admin have a limit, and the numbers by status are remembered.
    for statement in (one for one in statements if 'FROM "keystone_user"' in one and " ORDER BY " in one):
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}")
            (explained,) = cursor.fetchone()
        for node in nodes_of(explained[0]["Plan"]):
            if node.get("Relation Name") == "keystone_user":
                indexes.add(node.get("Index Name", node["Node Type"]))
                read = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
                most = max(most, int(read))
            elif "Index Name" in node:
                indexes.add(node["Index Name"])
    return indexes - {"Bitmap Heap Scan", "keystone_user_pkey"}, most


def test_lists_of_the_api_read_an_index(many_people: User, signed_in: Callable[..., Any]) -> None:
    client = signed_in(many_people)
    pages = {
        "": ({"user_created"}, PAGE),
        "ordering=created_at": ({"user_created"}, PAGE),
        "ordering=last_name": ({"user_last_name"}, PAGE),
        "ordering=email": ({"keystone_user_email_normalized_key"}, PAGE),
        "status=pending_email_verification": ({"user_status"}, PAGE),
        "status=suspended": ({"user_status"}, PAGE),
        "approval_flow=none": ({"user_flow"}, PAGE),
        "email_verified=false": ({"user_unverified"}, PAGE),
        "is_staff=true": ({"user_staff"}, PAGE),
        "search=smith": ({"user_created"}, MATCHES),
        "search=zyzzyva": ({"user_created", "user_search"}, MATCHES),
        "search=elder": ({"user_created", "user_search"}, MATCHES),
        "search=nobody": ({"user_created", "user_search"}, MATCHES),
        "search=anna smith": ({"user_created"}, MATCHES),
        "search=seeded1717": ({"user_created", "user_search"}, MATCHES),
        "search=smith&ordering=last_name": ({"user_last_name", "user_search"}, MATCHES),
    }
    for query, expected in pages.items():
        indexes, most = read_from_people(lambda: client.get(f"/api/users/?{query}"))  # noqa: B023 - called in this round
        assert expected[0] <= indexes, (query, indexes)
        assert "Seq Scan" not in indexes, query
        assert most <= expected[1], query


def test_lists_of_the_admin_read_an_index(client: Client, many_people: User) -> None:
    client.force_login(many_people)
    pages = {
        "user/": ({"user_created"}, PAGE),
        "user/?status=suspended": ({"user_status"}, PAGE),
        "user/?flow=none": ({"user_flow"}, PAGE),
        "user/?verified=no": ({"user_unverified"}, PAGE),
        "user/?staff=yes": ({"user_staff"}, PAGE),
        "user/?q=smith": ({"user_created"}, MATCHES),
        "user/?q=zyzzyva": ({"user_search"}, MATCHES),
        "awaitingdecision/": ({"user_queue"}, PAGE),
        "awaitingdecision/?show=unverified": ({"user_queue_unverified"}, PAGE),
        "awaitingdecision/?show=everybody": ({"user_undecided"}, PAGE),
        "awaitingdecision/?rejected=yes": ({"user_queue_again"}, PAGE),
        "awaitingdecision/?q=zyzzyva": ({"user_search"}, MATCHES),
    }
    for query, expected in pages.items():
        indexes, most = read_from_people(lambda: client.get(f"/admin/keystone/{query}"))  # noqa: B023 - called in this round
        assert expected[0] <= indexes, (query, indexes)
        assert "Seq Scan" not in indexes, query
        assert most <= expected[1], query
