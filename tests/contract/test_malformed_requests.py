"""Promise 13: no query, id, header, cursor or method gives a 500, and a refusal is in the envelope."""

import json
from typing import Any

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from tests.contract.corpus import AUTHORIZATIONS, HEADERS, IDS, QUERIES, cursors
from tests.contract.malformed import caller_of, checking_client, not_a_fault, quick_for, refused, stored
from tests.contract.operations import METHODS, Operation, operation, operations
from tests.contract.roles import SUPERUSER, SignedIn
from tests.contract.undone import undone
from tests.contract.valid import valid_request

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unlimited")]

WITH_A_QUERY = [one for one in operations() if one.query]
PAGED = [one for one in WITH_A_QUERY if "cursor" in one.query]
FILTERED = [one for one in WITH_A_QUERY if one.query.keys() - {"cursor", "ordering", "page_size"}]
WITH_AN_ID = [one for one in operations() if one.path_parameters]
SECURED = [one for one in operations() if one.secured]


@quick_for("users_list", among=WITH_A_QUERY)
def test_a_malformed_query_is_never_a_fault(asked: Operation, signed_in: SignedIn) -> None:
    user = caller_of(asked)
    client, path = checking_client(user, signed_in), asked.path.format(**valid_request(asked, user).path)
    for name in asked.query:
        for value in QUERIES:
            not_a_fault(client.get(f"{path}?{name}={value}"))
        not_a_fault(client.get(f"{path}?{name}=a&{name}=b"))
        not_a_fault(client.get(path, QUERY_STRING=f"{name}=\xff\xfe"))
        not_a_fault(client.get(f"{path}?{name}[]=1&{name}[a]=2&{name}.b=3"))


@pytest.mark.parametrize("asked", FILTERED, ids=str)
def test_an_unknown_filter_is_refused(asked: Operation, signed_in: SignedIn) -> None:
    client = checking_client(caller_of(asked), signed_in)
    for name in ("nobody_knows", "password", "status__in", "pk", "id", "", "%ff", "__proto__", "a%5bb%5d"):
        error = refused(client.get(f"{asked.path}?{name}=1"), 400)
        assert len(error["fields"]) == 1
    for name in ("%00", "a%00b"):
        refused(client.get(f"{asked.path}?{name}=1"), 400)
    refused(client.get(f"{asked.path}?" + "a=1&" * 10_001), 400)


@quick_for("users_list", among=PAGED)
def test_a_malformed_cursor_is_refused(asked: Operation, signed_in: SignedIn) -> None:
    user = caller_of(asked)
    client, path = checking_client(user, signed_in), asked.path.format(**valid_request(asked, user).path)
    for ordering in asked.query.get("ordering", {}).get("enum", [""]):  # a list may have one order only
        for cursor in cursors(ordering):
            error = refused(client.get(f"{path}?ordering={ordering}&cursor={cursor}"), 400)
            assert list(error["fields"]) == ["cursor"], cursor


@pytest.mark.parametrize("asked", WITH_AN_ID, ids=str)
def test_an_id_that_names_nothing_is_not_found_and_changes_nothing(asked: Operation, signed_in: SignedIn) -> None:
    user = caller_of(asked)
    valid = valid_request(asked, user)
    client = checking_client(user, signed_in)
    before = stored()
    for name in asked.path_parameters:
        for value in IDS:
            path = asked.path.format(**valid.path | {name: value})
            body = valid.body if asked.body is not None else None
            error = refused(getattr(client, asked.method)(path, body), 404, 400)
            assert error["code"] == ("bad_request" if "%00" in value else "not_found"), value
    assert stored() == before


@pytest.mark.parametrize("asked", SECURED, ids=str)
def test_malformed_credentials_are_refused_and_change_nothing(asked: Operation) -> None:
    user = caller_of(asked)
    valid = valid_request(asked, user)
    client = APIClient(enforce_csrf_checks=True)
    before = stored()
    for value in AUTHORIZATIONS:
        client.credentials(HTTP_AUTHORIZATION=value)
        body = valid.body if asked.body is not None else None
        answer = getattr(client, asked.method)(asked.path.format(**valid.path), body)
        assert refused(answer, 401)["code"] in {"not_authenticated", "invalid_token"}, value
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert stored() == before


@pytest.mark.parametrize("name", ["me_retrieve", "users_list", "users_export", "auth_login", "health_live"])
def test_a_malformed_header_is_never_a_fault(name: str, signed_in: SignedIn, settings: Settings) -> None:
    settings.KEYSTONE = settings.KEYSTONE | {"TRUSTED_PROXIES": 1}
    asked, user = operation(name), SUPERUSER.make()
    client, valid = checking_client(user, signed_in), valid_request(asked, user)
    for header, value in HEADERS:
        with undone():
            body = valid.body if asked.body is not None else None
            not_a_fault(getattr(client, asked.method)(asked.path, body, **{header: value}))


@quick_for("users_list", "users_update", "auth_register", "me_update", among=operations())
def test_the_browsable_page_of_an_operation_is_never_a_fault(asked: Operation, signed_in: SignedIn) -> None:
    user = caller_of(asked)
    valid = valid_request(asked, user)
    client, path = checking_client(user, signed_in), asked.path.format(**valid.path)
    bodies = [json.dumps(valid.body), "{}", "[]", "[", '{"nobody_knows": {"a": [1]}}', '"\\ud800"']
    for query in ("", "?cursor=%ff&nobody_knows=1", "?format=api", "?format=nonsense"):
        for body in bodies if asked.body is not None else [""]:
            with undone():
                kind = "application/json" if body else "application/octet-stream"
                answer = client.generic(asked.method.upper(), path + query, body, kind, HTTP_ACCEPT="text/html")
                assert answer.status_code < 500


@pytest.mark.parametrize("path", sorted({one.path for one in operations()}))
def test_a_method_that_an_address_does_not_take_is_told_which_it_takes(path: str, signed_in: SignedIn) -> None:
    taken = {one.method: one for one in operations() if one.path == path}
    asked = next(iter(taken.values()))
    user = caller_of(asked)
    client, target = checking_client(user, signed_in), path.format(**valid_request(asked, user).path)
    before = stored()
    for method in {*METHODS, "trace", "connect", "propfind", "nonsense"} - taken.keys():
        answer = client.generic(method.upper(), target)
        assert refused(answer, 405)["code"] == "method_not_allowed"
        assert {one.strip().lower() for one in answer.headers["Allow"].split(",")} >= taken.keys()
    assert stored() == before


def test_an_address_that_is_none_is_not_found() -> None:
    client = APIClient(enforce_csrf_checks=True)
    for path in ("/api/", "/api/nowhere/", "/api/users", "/api/users//", "/api/%ff/", "/api/%2e%2e/"):
        for method in (*METHODS, "options", "nonsense"):
            answer: Any = client.generic(method.upper(), path, "{}", content_type="application/json")
            assert refused(answer, 404)["code"] == "not_found", (method, path)
