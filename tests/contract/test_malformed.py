"""Promise 13: no body gives a 500, a refusal is in the envelope, and what is refused changes nothing."""

import json
from datetime import datetime
from time import thread_time
from typing import Any
from urllib.parse import unquote
from uuid import UUID

import pytest
from rest_framework.parsers import JSONParser
from rest_framework.test import APIClient

from keystone.api.parsers import StrictJSONParser
from tests.contract.corpus import BODIES, CONTENT_TYPES, JSON, QUERIES, RAW_VALUES, VALUES
from tests.contract.malformed import caller_of, checking_client, not_a_fault, quick_for, refused, stored
from tests.contract.operations import Operation, operation, operations
from tests.contract.roles import SUPERUSER, SignedIn
from tests.contract.undone import undone
from tests.contract.valid import Valid, valid_request

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unlimited")]

AT_MOST = (
    20.0  # seconds of CPU time for one request, where most take a hundredth of one: a cost that grows with the square
)
WITH_A_BODY = [one for one in operations() if one.body is not None]


class Endpoint:
    """An operation with a caller who may call it, and a valid request to spoil."""

    def __init__(self, asked: Operation, signed_in: SignedIn) -> None:
        user = caller_of(asked)
        self.valid: Valid = valid_request(asked, user)
        self.asked = asked
        self.path = asked.path.format(**self.valid.path)
        self.client: APIClient = checking_client(user, signed_in)

    def send(self, body: bytes, content_type: str = JSON) -> Any:
        """Send a body as it is."""
        data: Any = body  # the stubs know text only
        started = thread_time()
        answer = self.client.generic(self.asked.method.upper(), self.path, data, content_type=content_type)
        assert thread_time() - started < AT_MOST
        return answer

    def send_value(self, field: str, raw: bytes) -> Any:
        """Send the valid body with one field's value replaced by this JSON."""
        others = {name: value for name, value in self.valid.body.items() if name != field}
        pairs = [json.dumps(name).encode() + b": " + as_json(value) for name, value in others.items()]
        return self.send(b"{" + b", ".join([*pairs, json.dumps(field).encode() + b": " + raw]) + b"}")


@pytest.fixture
def endpoint(asked: Operation, db: None, unlimited: None, signed_in: SignedIn) -> Endpoint:
    """The operation that the test is parametrized with."""
    return Endpoint(asked, signed_in)


for_every_body = quick_for("auth_register", "auth_login", "me_update", "users_update", "users_bulk", among=WITH_A_BODY)


@for_every_body
def test_a_malformed_body_is_refused_and_changes_nothing(endpoint: Endpoint) -> None:
    before = stored()
    for body, status in BODIES.values():
        refused(endpoint.send(body), status)
    for content_type, body in CONTENT_TYPES.items():
        refused(endpoint.send(body, content_type), 415)
    valid = json.dumps(endpoint.valid.body).encode()
    refused(endpoint.send(valid.decode().encode("utf-16"), "application/json; charset=utf-16"), 400)
    refused(endpoint.send(valid, ""), 415)
    assert stored() == before


def test_the_parser_of_the_framework_does_not_keep_this(signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: with DRF's own parser the same test ends in a fault."""
    monkeypatch.setattr(StrictJSONParser, "parse", JSONParser.parse)
    with pytest.raises(UnicodeEncodeError):
        test_a_malformed_body_is_refused_and_changes_nothing(Endpoint(operation("auth_register"), signed_in))


@for_every_body
def test_a_value_of_another_type_is_refused_and_changes_nothing(endpoint: Endpoint) -> None:
    before = stored()
    for field, schema in endpoint.asked.fields.items():
        for value in VALUES.values():
            if not fits(schema, value):
                error = refused(endpoint.send_value(field, as_json(value)), 400)
                assert (error["code"], list(error["fields"])) == ("invalid", [field]), value
        for raw in RAW_VALUES.values():
            refused(endpoint.send_value(field, raw), 400)
    assert stored() == before


@for_every_body
def test_a_value_of_the_right_type_is_never_a_fault(endpoint: Endpoint) -> None:
    for field, schema in endpoint.asked.fields.items():
        for value in VALUES.values():
            if fits(schema, value):
                with undone():
                    not_a_fault(endpoint.send_value(field, as_json(value)))


@for_every_body
def test_a_body_without_a_required_field_is_refused_and_changes_nothing(endpoint: Endpoint) -> None:
    before = stored()
    required = (endpoint.asked.body or {}).get("required", [])
    for field in required:
        left = {name: value for name, value in endpoint.valid.body.items() if name != field}
        assert list(refused(endpoint.send(json.dumps(left).encode()), 400)["fields"]) == [field]
    if required:
        for empty in (b"", b"{}"):
            assert sorted(refused(endpoint.send(empty), 400)["fields"]) == sorted(required)
    assert stored() == before


@pytest.mark.slow
def test_the_filter_of_a_bulk_move_is_read_as_strictly_as_the_list(signed_in: SignedIn) -> None:
    client = checking_client(SUPERUSER.make(), signed_in)
    before = stored()
    values: list[Any] = [value for value in VALUES.values() if not isinstance(value, str) or len(value) > 1_000]
    values += [unquote(text, errors="replace").replace("\x00", "") for text in QUERIES]
    for name in operation("users_list").query:
        for value in values:
            with undone():
                body = {"action": "approve", "filter": {name: value}}
                not_a_fault(client.post("/api/users/bulk/", as_json(body), content_type=JSON))
    for name in ("", "password", "status__in", "pk", "\uffff", "cursor"):
        refused(client.post("/api/users/bulk/", {"action": "approve", "filter": {name: "x"}}), 400)
    assert stored() == before


def as_json(value: Any) -> bytes:
    """A value in JSON, without escapes, which would make a long text too large a body."""
    return json.dumps(value, ensure_ascii=False).encode()


def fits(schema: dict[str, Any], value: Any) -> bool:
    """Whether a value has the type that a field's JSON schema wants. That it is a good one is not said."""
    if value is None:
        return bool(schema.get("nullable"))
    kinds: dict[str, type] = {
        "string": str,
        "boolean": bool,
        "integer": int,
        "number": float,
        "array": list,
        "object": dict,
    }
    kind = schema.get("type", "string")
    if not isinstance(value, kinds[kind]) or (isinstance(value, bool) and kind != "boolean"):
        return False
    if isinstance(value, list):
        return len(value) >= schema.get("minItems", 0) and all(fits(schema["items"], item) for item in value)
    if isinstance(value, str):
        return len(value) <= schema.get("maxLength", len(value)) and _has_format(schema.get("format"), value)
    return True


def _has_format(name: str | None, text: str) -> bool:
    try:
        if name == "uuid":
            UUID(text)
        elif name == "date-time":
            datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
