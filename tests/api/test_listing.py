"""Lists of every usual kind, paged without a word about pagination in their views."""

import runpy
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.contrib.sessions.models import Session as BrowserSession
from django.core.checks import run_checks
from django.db.models import QuerySet
from django.urls import clear_url_caches, path
from rest_framework.test import APIClient

from keystone.accounts.models import User
from keystone.accounts.preferences import choose_notices
from keystone.actors.actor import Actor
from keystone.audit.log import event, record
from keystone.testing.factories import UserFactory, approver
from tests.api import listing_urls
from tests.api.listing_urls import VIEWS, PlainList, RowSerializer
from tests.contract import operations, routes
from tests.contract.corpus import cursors
from tests.contract.roles import SignedIn

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.api.listing_urls")]
UNSTABLE = {"random"}  # no order that could be kept
CLOSED = {"staff", "no-serializer"}


def rows(count: int = 12) -> None:
    """Groups, people and sessions, some of whose columns are equal or empty."""
    Group.objects.bulk_create(
        Group(name=f"g{number % 7}{'A' if number % 2 else 'a'}{number}") for number in range(count)
    )
    start = datetime(2030, 1, 1, tzinfo=UTC)
    BrowserSession.objects.bulk_create(
        BrowserSession(session_key=f"key-{number * 7 % 12:x}", session_data="", expire_date=start)
        for number in range(count)
    )
    people = [
        UserFactory(
            first_name=f"N{number % 3}",
            last_login=start + timedelta(days=number % 4) if number % 2 else None,
            is_staff=number % 3 == 0,
        )
        for number in range(count)
    ]
    for number, user in enumerate(people):
        record([event("user.changed", user, by=Actor.person(user) if number % 3 else Actor.system())])
        if number % 2:
            choose_notices(user, by=Actor.person(user), approval_notices=("off", "digest")[number // 2 % 2])


def pages(client: APIClient, url: str) -> tuple[list[list[str]], list[list[str]]]:
    """Every page forwards, and backwards from the last one."""
    answer = client.get(url)
    assert answer.status_code == 200, answer.content
    forwards = [keys(answer)]
    last = answer.json()
    while last["next"]:
        last = client.get(last["next"]).json()
        forwards.append([row["key"] for row in last["results"]])
        assert len(forwards) < 40
    backwards = [forwards[-1]]
    while last["previous"]:
        last = client.get(last["previous"]).json()
        backwards.insert(0, [row["key"] for row in last["results"]])
        assert len(backwards) < 40
    return forwards, backwards


def keys(answer: Any) -> list[str]:
    """The keys of a page."""
    return [row["key"] for row in answer.json()["results"]]


def whole(name: str) -> list[str]:
    """The whole list, as its queryset or its view sorts it."""
    view: Any = VIEWS[name]
    found: Any = view().get_queryset() if name == "no-model" else view.queryset.all()
    ordering = getattr(view, "ordering", None)
    if isinstance(found, QuerySet) and ordering:
        found = found.order_by(*([ordering] if isinstance(ordering, str) else ordering))
    return [RowSerializer().to_representation(row)["key"] for row in found]


def test_any_list_is_paged_once_through_forwards_and_backwards(subtests: pytest.Subtests, api: APIClient) -> None:
    rows()
    for name in VIEWS.keys() - CLOSED - UNSTABLE:
        with subtests.test(name):
            forwards, backwards = pages(api, f"/api/lists/{name}/?page_size=5")
            expected = whole(name)
            read = [key for page in forwards for key in page]
            assert sorted(read) == sorted(expected)
            assert len(expected) > 5 or name == "grouped"
            assert backwards == forwards
    assert api.get("/api/lists/random/").status_code == 200


def test_lists_come_in_the_order_that_they_name(subtests: pytest.Subtests, api: APIClient) -> None:
    rows()
    for name, column in {
        "unordered": "pk",
        "descending": "-name",
        "reversed": "-name",
        "expression": "-name",
        "drf-ordering": "-name",
        "drf-fields": "name",
        "drf-labels?ordering=-name": "-name",
        "drf-fields?ordering=-id": "-id",
        "drf-all?ordering=name": "name",
        "drf-filter?ordering=-name": "-name",
        "drf-filter-default": "-name",
        "drf-filter-default?ordering=name": "name",
        "ours": "-name",
        "ours?ordering=called": "name",
        "ours-default": "pk",
        "annotated": None,
    }.items():
        with subtests.test(name):
            forwards, _ = pages(api, f"/api/lists/{name.replace('?', '/?')}{'&' if '?' in name else '/?'}page_size=5")
            groups = Group.objects.order_by(column) if column else VIEWS[name].queryset.all()  # type: ignore[attr-defined]  # every view has
            assert [key for page in forwards for key in page] == [str(group.pk) for group in groups]
    for name in ("nullable-join", "other-end"):  # these have one order only
        forwards, _ = pages(api, f"/api/lists/{name}/?page_size=5")
        assert [key for page in forwards for key in page] == whole(name)
    for name in ("nulls-last", "nulls-first", "drf-orderings", "flag"):
        with subtests.test(name):
            forwards, _ = pages(api, f"/api/lists/{name}/?page_size=5")
            by_key = {str(user.pk): user for user in User.objects.all()}
            seen = [by_key[key] for page in forwards for key in page]
            assert [_order(name, user) for user in seen] == [_order(name, by_key[key]) for key in whole(name)]


def _order(name: str, user: User) -> Any:
    return {
        "nulls-last": user.last_login,
        "nulls-first": (user.last_login, user.first_name),
        "drf-orderings": (user.last_name, user.email),
        "flag": (user.is_staff, user.created_at),
    }[name]


def test_an_order_that_a_list_does_not_have_is_refused(api: APIClient) -> None:
    for url in ("drf-fields/?ordering=pk", "ours/?ordering=name", "ours/?ordering=-", "ours/?ordering=called,-called"):
        assert list(api.get(f"/api/lists/{url}").json()["error"]["fields"]) == ["ordering"], url
    rows()
    other = api.get("/api/lists/ours/?page_size=5").json()["next"].replace("ours", "drf-fields")
    assert list(api.get(other).json()["error"]["fields"]) == ["cursor"]


def test_a_cursor_that_is_none_is_refused(api: APIClient) -> None:
    rows()
    for name, ordering in (("unordered", ""), ("values", "offset"), ("nulls-last", "last_login"), ("joined", "")):
        for cursor in cursors(ordering):
            answer = api.get(f"/api/lists/{name}/?cursor={cursor}")
            assert (answer.status_code, list(answer.json()["error"]["fields"])) == (400, ["cursor"]), (name, cursor)


def test_the_view_decides_who_may_read_a_list_without_actions(signed_in: SignedIn, api: APIClient) -> None:
    assert api.get("/api/lists/staff/").status_code == 401
    assert signed_in(approver()).get("/api/lists/staff/").status_code == 403
    holder = approver()
    holder.user_permissions.add(Permission.objects.get(codename="view_group"))
    assert signed_in(holder).get("/api/lists/staff/").status_code == 200


def test_options_describe_any_view(signed_in: SignedIn, api: APIClient) -> None:
    client, group = signed_in(UserFactory()), Group.objects.create(name="one")
    for place, methods in (("", {"POST"}), (f"{group.pk}/", {"PUT", "PATCH"})):
        actions = client.options(f"/api/router/groups/{place}").json()["actions"]
        assert actions.keys() == methods
        for fields in actions.values():
            assert (fields.keys(), fields["name"]["max_length"]) == ({"name"}, 150)
    for name in VIEWS.keys() - {"staff"}:
        assert "actions" not in api.options(f"/api/lists/{name}/").json(), name


@pytest.fixture
def fresh_document() -> Iterator[None]:
    """The contract's schema is read anew, with the URLs of the test."""
    cached = (operations.document, operations.operations)
    for one in cached:
        one.cache_clear()
    yield
    for one in cached:
        one.cache_clear()


@pytest.mark.filterwarnings("ignore")  # drf-spectacular guesses where a view has no serializer, and says so
def test_the_schema_and_the_contract_tests_take_these_lists(api: APIClient, fresh_document: None) -> None:
    assert api.get("/api/schema/", {"version": "1.0.0"}).status_code == 200
    documented = {(one.method, one.path): one for one in operations.operations()}
    assert routes.api_routes() >= {("get", f"/api/lists/{name}/") for name in VIEWS if name != "no-serializer"}
    for method, url in (("get", "/"), ("post", "/"), ("put", "/{id}/"), ("patch", "/{id}/"), ("delete", "/{id}/")):
        place = (method, f"/api/router/groups{url}")
        assert place in documented
        assert place in routes.api_routes()
    assert documented["get", "/api/lists/ours/"].query["ordering"]["enum"] == ["called", "-called"]
    assert documented["get", "/api/lists/drf-fields/"].query["ordering"]["default"] == "name"
    assert documented["get", "/api/lists/unordered/"].query.keys() == {"cursor", "page_size"}
    # Each of them is collected also while nobody has declared these operations; one of their tests asks for that.
    for module in sorted(Path(operations.__file__).parent.glob("test_*.py")):
        runpy.run_path(str(module))


class _Mapped(PlainList):
    queryset = Group.objects.all()
    ordering_fields = {"called": "name"}


class _Listed(PlainList):
    queryset = Group.objects.all()
    sort_columns = ["name"]


class _Misspelt(PlainList):
    queryset = Group.objects.all()
    sort_columns = {"called": "nmae"}
    default_ordering = "-clled"


class _Joined(PlainList):
    queryset = Group.objects.all()
    ordering = ("permissions__nothing",)


def test_the_check_says_what_is_wrong(monkeypatch: pytest.MonkeyPatch, api: APIClient) -> None:
    def found() -> list[str]:
        return [
            message.msg.partition(": ")[2] for message in run_checks(tags=["urls"]) if message.id == "keystone.E030"
        ]

    assert found() == []
    wrong = [path(f"api/wrong/{view.__name__}/", view.as_view()) for view in (_Mapped, _Listed, _Misspelt, _Joined)]
    monkeypatch.setattr(listing_urls, "urlpatterns", [*wrong, *listing_urls.urlpatterns])
    clear_url_caches()
    assert found() == [
        "`ordering_fields` is DRF's list of columns, and no map.",
        "`sort_columns` must map names to columns.",
        "`sort_columns` sorts 'called' by 'nmae', which Group does not have.",
        "It is sorted by '-clled', which Group does not have.",
        "It is sorted by 'permissions__nothing', which Group does not have.",
    ]
    assert api.get("/api/schema/", {"version": "1.0.0"}).status_code == 200
    assert api.get("/api/wrong/_Mapped/?ordering=-called").status_code == 200
    clear_url_caches()
