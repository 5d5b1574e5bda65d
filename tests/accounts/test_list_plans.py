"""Each list of people reads an index on a large table, and no more rows than its page needs.

The statements are those that the API and the admin make.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from keystone.accounts.managers import WINDOW
from keystone.accounts.models import User
from keystone.testing.factories import superuser
from tests.plans import analyze, read_from

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
    analyze("keystone_user")
    return superuser()


def assert_read(pages: dict[str, tuple[set[str], int]], ask: Callable[[str], Any]) -> None:
    """Each page reads these indexes, not the whole table, and at most so many rows."""
    for query, (expected, limit) in pages.items():
        indexes, most = read_from("keystone_user", partial(ask, query))
        assert expected <= indexes, (query, indexes)
        assert "Seq Scan" not in indexes, query
        assert most <= limit, query


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
    assert_read(pages, lambda query: client.get(f"/api/users/?{query}"))


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
    }
    assert_read(pages, lambda query: client.get(f"/admin/keystone/{query}"))
