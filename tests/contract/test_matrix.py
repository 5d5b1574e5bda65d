"""Promise 10: who may call what, for every operation of the schema in every role, with real tokens."""

import pytest

from keystone.accounts.api.people import UserViewSet
from tests.contract.declared import DECLARED, declared
from tests.contract.operations import Operation, operation, operations
from tests.contract.roles import (
    ANONYMOUS,
    APPROVER,
    PENDING,
    PERSON,
    STAFF,
    SUPERUSER,
    Role,
    SignedIn,
    former_staff,
    holder,
)
from tests.contract.routes import api_routes, permissions_in_use
from tests.contract.undone import undone
from tests.contract.valid import FACTORIES, send, valid_request

PERMISSIONS = frozenset[str]().union(*(who.permissions for who in DECLARED.values()))
ROLES = (
    ANONYMOUS,
    PENDING,
    PERSON,
    former_staff(PERMISSIONS),
    STAFF,
    *(holder(permission) for permission in sorted(PERMISSIONS)),
    APPROVER,
    SUPERUSER,
)

# What answers under /api/ without being an operation of the API's contract.
UNDOCUMENTED = {
    ("get", "/api/schema/"): "the schema itself",
    ("get", "/api/session/login/"): "the sign-in page of the browsable API, in HTML",
    ("post", "/api/session/login/"): "the form of that page",
    ("put", "/api/session/login/"): "the same: Django's form views take PUT for POST",
    ("get", "/api/session/login/code/"): "the page that asks for the second factor",
    ("post", "/api/session/login/code/"): "the form of that page",
    ("put", "/api/session/login/code/"): "the same",
    ("post", "/api/session/logout/"): "the button that leaves the browsable API",
}


def test_every_operation_is_declared_and_every_declaration_has_its_operation() -> None:
    assert sorted(DECLARED) == sorted(operation.id for operation in operations())


def test_every_valid_request_has_its_operation() -> None:
    assert FACTORIES.keys() <= {operation.id for operation in operations()}


def test_every_address_under_the_api_is_in_the_schema() -> None:
    documented = {(operation.method, operation.path) for operation in operations()}
    assert sorted(api_routes() - UNDOCUMENTED.keys()) == sorted(documented)


def test_every_permission_that_the_api_asks_for_is_a_role_of_its_own() -> None:
    assert permissions_in_use() == PERMISSIONS


def test_the_schema_says_of_which_operations_credentials_are_wanted() -> None:
    assert {operation.id for operation in operations() if not operation.secured} == {
        name for name, who in DECLARED.items() if who.open
    }


@pytest.mark.django_db
@pytest.mark.parametrize("operation", operations(), ids=str)
def test_an_operation_admits_whom_it_declares_and_nobody_else(operation: Operation, signed_in: SignedIn) -> None:
    for role in ROLES:
        with undone():
            admits_rightly(operation, role, signed_in)


def admits_rightly(operation: Operation, role: Role, signed_in: SignedIn) -> None:
    caller = role.make()
    valid = valid_request(operation, caller)
    answer = send(role.client(caller, signed_in), operation, valid)
    who = declared(operation.id)
    if who.admits(role):
        assert answer.status_code in operation.success, (role, answer.getvalue())
        return
    status, code = who.refusal(role)
    assert answer.status_code == status, role
    assert answer.json()["error"]["code"] == code, role
    if status == 401:
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.django_db
def test_the_matrix_notices_a_door_left_open(signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the same test fails where a view forgets its permission."""
    monkeypatch.setattr(UserViewSet, "permission_classes", ())
    with pytest.raises(AssertionError):
        admits_rightly(operation("users_list"), PERSON, signed_in)
