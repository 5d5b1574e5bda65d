"""`OPTIONS` tells what each method of an address takes: the fields of the request, as the schema has them."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from keystone.accounts.status import Status
from keystone.testing.factories import UserFactory
from tests.contract.declared import DECLARED
from tests.contract.operations import Operation, operations
from tests.contract.roles import PERSON, STAFF, SUPERUSER, SignedIn
from tests.contract.valid import valid_request

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unlimited")]
WITH_A_BODY = {"post", "put", "patch"}


def described(client: APIClient, path: str) -> dict[str, Any]:
    """The fields by method."""
    answer = client.options(path)
    assert answer.status_code == 200, path
    actions: dict[str, Any] = answer.json().get("actions", {})
    return actions


def test_each_method_is_described_by_the_fields_of_its_request(subtests: pytest.Subtests, signed_in: SignedIn) -> None:
    caller = SUPERUSER.make()
    client = signed_in(caller)
    by_path: dict[str, list[Operation]] = {}
    for one in filter(lambda one: one.id in DECLARED, operations()):
        by_path.setdefault(one.path, []).append(one)
    for path, found in by_path.items():
        with subtests.test(path):
            told = described(client, path.format(**valid_request(found[0], caller).path))
            taken = {one.method.upper(): one for one in found if one.method in WITH_A_BODY}
            assert told.keys() == taken.keys()
            for method, one in taken.items():
                if one.body is None:  # none, or none in JSON
                    continue
                required = one.body.get("required", [])
                assert {name: field["required"] for name, field in told[method].items()} == {
                    name: name in required for name in one.fields
                }
                for name, field in one.fields.items():
                    assert told[method][name].get("max_length") == field.get("maxLength", field.get("maxItems")), name
                    choices = [choice["value"] for choice in told[method][name].get("choices", [])]
                    assert sorted(choices) == sorted(field.get("enum", [])), name


def test_options_tell_of_no_field_where_no_body_is_taken(signed_in: SignedIn) -> None:
    client, user = signed_in(SUPERUSER.make()), UserFactory()
    assert described(client, f"/api/users/{user.pk}/sessions/revoke-all/") == {"POST": {}}


def test_options_tell_only_of_methods_that_the_caller_may_use_and_change_nothing(signed_in: SignedIn) -> None:
    user = UserFactory(status=Status.PENDING_ADMIN_APPROVAL)
    staff = signed_in(STAFF.make())
    assert described(staff, "/api/users/") == {}
    assert described(staff, f"/api/users/{user.pk}/approve/") == {}
    person = signed_in(PERSON.make())
    assert described(person, "/api/me/").keys() == {"PATCH"}
    assert person.options("/api/users/").status_code == 403
    assert APIClient().options("/api/me/").status_code == 401
    assert described(APIClient(), "/api/auth/login/")["POST"].keys() == {"email", "password", "code"}
