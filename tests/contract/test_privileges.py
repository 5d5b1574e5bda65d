"""Promise 10: no request sets its own privilege, and staff neither make nor touch staff and superusers."""

from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest
from django.db.models import Field
from rest_framework import serializers

from keystone.accounts.models import User
from keystone.accounts.transition_rules import TRANSITIONS
from keystone.api.serializers import StrictSerializer
from keystone.testing.factories import UserFactory
from tests.contract.declared import DECLARED, OWN_FIELDS
from tests.contract.operations import Operation, operation, operations
from tests.contract.roles import PERSON, SUPERUSER, Role, SignedIn
from tests.contract.valid import Valid, send, valid_request

pytestmark = pytest.mark.django_db

PERMISSIONS = frozenset[str]().union(*(who.permissions for who in DECLARED.values()))
STAFF_WHO_MAY_ALL = Role("staff-with-every-permission", staff=True, permissions=PERMISSIONS)
PROTECTED = {"staff": {"is_staff": True}, "superuser": {"is_staff": True, "is_superuser": True}}

FROM_PEOPLE = [
    one for one in operations() if one.body is not None and one.id in DECLARED and DECLARED[one.id].admits(PERSON)
]
ON_ONE_PERSON = [one for one in operations() if one.path.startswith("/api/users/{") and one.method != "get"]
PRIVILEGED_FIELDS = User._meta.get_fields()  # columns, groups and permissions, and what refers to the account


def value_for(field: Any) -> Any:
    """A value that the field of the model would take, and that differs from its default."""
    if not isinstance(field, Field) or field.many_to_many:
        return [1]
    if field.choices:
        return [value for value, _ in field.flatchoices][-1]
    kind = field.get_internal_type()
    values = {
        "BooleanField": True,
        "GeneratedField": True,
        "DateTimeField": datetime(2001, 2, 3, tzinfo=UTC).isoformat(),
        "UUIDField": "00000000-0000-4000-8000-000000000000",
    }
    return values.get(kind, 7 if "Integer" in kind else "set@example.com")


def rows() -> list[dict[str, Any]]:
    """Every account, column by column."""
    return list(User.objects.order_by("pk").values())


def test_people_set_the_fields_that_are_declared_and_no_other() -> None:
    assert {name: operation(name).fields.keys() for name in OWN_FIELDS} == OWN_FIELDS


@pytest.mark.parametrize("asked", FROM_PEOPLE, ids=str)
def test_a_body_that_names_a_privileged_field_is_refused_whole(asked: Operation, signed_in: SignedIn) -> None:
    caller = PERSON.make()
    client = signed_in(caller)
    valid = valid_request(asked, caller)
    before = rows()
    for field in PRIVILEGED_FIELDS:
        if field.name in asked.fields:
            continue
        answer = send(client, asked, Valid(path=valid.path, body=valid.body | {field.name: value_for(field)}))
        assert answer.status_code == 400, field.name
        assert list(answer.json()["error"]["fields"]) == [field.name]
    assert rows() == before


def test_bodies_as_the_framework_reads_them_do_not_keep_this(
    signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the same test fails where unknown keys are ignored."""
    monkeypatch.setattr(StrictSerializer, "to_internal_value", serializers.Serializer.to_internal_value)
    with pytest.raises(AssertionError):
        test_a_body_that_names_a_privileged_field_is_refused_whole(operation("me_update"), signed_in)


@pytest.mark.parametrize("kind", PROTECTED)
@pytest.mark.parametrize("asked", ON_ONE_PERSON, ids=str)
def test_staff_touch_neither_staff_nor_superusers_and_superusers_do(
    asked: Operation, kind: str, signed_in: SignedIn
) -> None:
    staff, root = STAFF_WHO_MAY_ALL.make(), SUPERUSER.make()
    valid = valid_request(asked, staff)
    User.objects.filter(pk=valid.path.get("user_id") or valid.path["id"]).update(**PROTECTED[kind])
    staff_client, root_client = signed_in(staff), signed_in(root)
    before = rows()
    answer = send(staff_client, asked, valid)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "protected_account")
    assert rows() == before
    assert send(root_client, asked, valid).status_code in asked.success


@pytest.mark.parametrize("kind", PROTECTED)
def test_staff_make_neither_staff_nor_superusers_and_superusers_do(kind: str, signed_in: SignedIn) -> None:
    staff, root = STAFF_WHO_MAY_ALL.make(), SUPERUSER.make()
    staff_client, root_client = signed_in(staff), signed_in(root)
    for name in ("users_create", "users_update"):
        asked = operation(name)
        valid = valid_request(asked, staff)
        promoting = Valid(path=valid.path, body=valid.body | PROTECTED[kind])
        before = rows()
        answer = send(staff_client, asked, promoting)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "protected_account")
        assert rows() == before
        answer = send(root_client, asked, promoting)
        assert answer.status_code in asked.success
        assert PROTECTED[kind].items() <= answer.json().items()


def test_staff_move_neither_staff_nor_superusers_among_many(signed_in: SignedIn) -> None:
    staff, root = STAFF_WHO_MAY_ALL.make(), SUPERUSER.make()
    staff_client, root_client = signed_in(staff), signed_in(root)
    for transition, kind, named in product(TRANSITIONS, PROTECTED, ("ids", "filter")):
        target = UserFactory(status=min(TRANSITIONS[transition].sources), **PROTECTED[kind])
        chosen = {"ids": [str(target.pk)]} if named == "ids" else {"filter": {"search": target.email}}
        asked = Valid(body={"action": transition, "reason": "for a reason", "even_unverified": True, **chosen})
        before = rows()
        answer = send(staff_client, operation("users_bulk"), asked)
        [refused] = answer.json()["refused"]
        assert (answer.status_code, refused["id"], refused["code"]) == (200, str(target.pk), "protected_account")
        assert (answer.json()["succeeded"], rows()) == ([], before), (transition, kind, named)
        answer = send(root_client, operation("users_bulk"), asked)
        assert answer.json()["succeeded"] == [str(target.pk)], (transition, kind, named)
