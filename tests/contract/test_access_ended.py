"""Promise 5, for every operation of the schema: a request whose caller loses access while it waits does nothing.

The wait is brought about in one process: access ends right after the request was let through. The tests of the same
name under `tests/served` do it with locks and real processes.
"""

from collections.abc import Iterator

import pytest
from django.db.models import F
from rest_framework.request import Request
from rest_framework.test import APIClient

from keystone.accounts.models import User
from keystone.api.permissions import StaffWithPermission
from keystone.sessions.authentication import SessionTokenAuthentication
from tests.contract.declared import DECLARED, declared
from tests.contract.operations import Operation, operations
from tests.contract.roles import PERSON, SUPERUSER, SignedIn, holder
from tests.contract.valid import Valid, send, valid_request
from tests.every_row import rows

pytestmark = pytest.mark.django_db
WRITES = [one for one in operations() if one.method != "get" and one.id in DECLARED and not DECLARED[one.id].open]
RECORDED_READS = [one for one in operations() if one.id == "users_export"]
SIGNING_OUT = "auth_logout"  # whose caller is signed out already: nothing is left to do
BY_PERMISSION = [one for one in [*WRITES, *RECORDED_READS] if DECLARED[one.id].permissions]


def end_access_after_authentication(monkeypatch: pytest.MonkeyPatch) -> None:
    authenticate = SessionTokenAuthentication.authenticate

    def then_end_access(self: SessionTokenAuthentication, request: Request) -> object:
        found = authenticate(self, request)
        assert found is not None
        User.objects.filter(pk=found[0].pk).update(access_version=F("access_version") + 1)
        return found

    monkeypatch.setattr(SessionTokenAuthentication, "authenticate", then_end_access)


def stored(caller: User) -> list[str]:
    """Every row but the caller's own, whose version was counted up, and the counts of attempts."""
    return sorted(
        row
        for row in rows()
        if "keystone_attemptwindow" not in row[:40] and not ("keystone_user (" in row[:40] and str(caller.pk) in row)
    )


def test_a_request_whose_caller_lost_access_meanwhile_does_nothing(
    signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    cases = list(_with_callers(WRITES + RECORDED_READS, signed_in))
    end_access_after_authentication(monkeypatch)
    for operation, caller, client, valid in cases:
        with subtests.test(operation=operation.id):
            before = stored(caller)
            answer = send(client, operation, valid)
            if operation.id == SIGNING_OUT:
                assert answer.status_code == 204
            else:
                assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_token")
                assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'
            assert stored(caller) == before


def test_a_request_whose_caller_lost_the_permission_meanwhile_does_nothing(
    signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    cases = list(_with_holders(signed_in))
    allows = StaffWithPermission.has_permission

    def then_take_it(self: StaffWithPermission, request: Request, view: object) -> bool:
        allowed = allows(self, request, view)
        User.objects.get(pk=request.user.pk).user_permissions.clear()
        return allowed

    monkeypatch.setattr(StaffWithPermission, "has_permission", then_take_it)
    for operation, _caller, client, valid in cases:
        with subtests.test(operation=operation.id):
            answer = send(client, operation, valid)
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "permission_denied")


def test_control_without_the_second_look_every_request_acts(
    signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    [operation] = [one for one in WRITES if one.id == "users_suspend"]
    [(_, _caller, client, valid)] = _with_callers([operation], signed_in)
    end_access_after_authentication(monkeypatch)
    monkeypatch.setattr("keystone.actors.acting._judge", lambda _by, _row: None)
    assert send(client, operation, valid).status_code == 200


def _with_callers(chosen: list[Operation], signed_in: SignedIn) -> Iterator[tuple[Operation, User, APIClient, Valid]]:
    for operation in chosen:
        who = declared(operation.id)
        role = SUPERUSER if who.admits(SUPERUSER) else PERSON
        caller = role.make()
        client = role.client(caller, signed_in)
        yield operation, caller, client, valid_request(operation, caller)


def _with_holders(signed_in: SignedIn) -> Iterator[tuple[Operation, User, APIClient, Valid]]:
    for operation in BY_PERMISSION:
        [*names] = declared(operation.id).permissions
        role = holder(names[0])
        caller = role.make()
        yield operation, caller, role.client(caller, signed_in), valid_request(operation, caller)
