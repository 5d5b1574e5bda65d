"""A valid request for each operation: the body, and targets that exist and that the verb can act on.

A new operation needs a function here only where its path names something, or where its body has required fields.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from rest_framework.test import APIClient

from keystone.accounts import tokens
from keystone.accounts.models import User
from keystone.accounts.status import Status
from keystone.accounts.tokens import Purpose
from keystone.actors.actor import Actor
from keystone.audit.log import event, record
from keystone.audit.models import AuditEvent
from keystone.sessions.models import Session
from keystone.sign_in.with_tokens import sign_in
from keystone.testing.factories import PASSWORD, UserFactory
from tests.contract.operations import Operation

NEW_PASSWORD = "an entirely different sentence"


@dataclass(frozen=True)
class Valid:
    """What a valid request fills in: the parameters of the path by name, and the body."""

    path: dict[str, Any] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)


Makes = Callable[[User], Valid]
FACTORIES: dict[str, Makes] = {}


def valid_for(*operation_ids: str) -> Callable[[Makes], Makes]:
    """Register a function that makes what it returns valid for an operation, given the caller's account."""

    def register(makes: Makes) -> Makes:
        FACTORIES.update(dict.fromkeys(operation_ids, makes))
        return makes

    return register


def valid_request(operation: Operation, caller: User) -> Valid:
    """A valid request of `caller`."""
    makes = FACTORIES.get(operation.id)
    return makes(caller) if makes else Valid()


def send(client: APIClient, operation: Operation, valid: Valid) -> Any:
    """Make the request, and give the answer."""
    path = operation.path.format(**valid.path)
    return getattr(client, operation.method)(path, valid.body if operation.body is not None else None)


@valid_for("auth_register")
def _registration(caller: User) -> Valid:
    return Valid(body={"email": "new@example.com", "first_name": "New", "password": NEW_PASSWORD})


@valid_for("auth_login")
def _login(caller: User) -> Valid:
    return Valid(body={"email": UserFactory().email, "password": PASSWORD})


@valid_for("auth_refresh")
def _refresh(caller: User) -> Valid:
    return Valid(body={"refresh": sign_in(email=UserFactory().email, password=PASSWORD).refresh})


@valid_for("auth_verify_email")
def _verification(caller: User) -> Valid:
    return Valid(body={"token": _mint(Purpose.VERIFY_EMAIL, UserFactory(status=Status.PENDING_EMAIL_VERIFICATION))})


@valid_for("auth_verify_email_resend", "auth_password_reset")
def _address(caller: User) -> Valid:
    return Valid(body={"email": UserFactory(status=Status.PENDING_EMAIL_VERIFICATION).email})


@valid_for("auth_password_reset_confirm")
def _reset(caller: User) -> Valid:
    return Valid(body={"token": _mint(Purpose.RESET_PASSWORD, UserFactory()), "new_password": NEW_PASSWORD})


@valid_for("auth_email_confirm")
def _new_address(caller: User) -> Valid:
    return Valid(body={"token": _mint(Purpose.CONFIRM_EMAIL, UserFactory(), email="another@example.com")})


@valid_for("auth_email_revert")
def _old_address(caller: User) -> Valid:
    return Valid(body={"token": _mint(Purpose.REVERT_EMAIL, UserFactory(), email="another@example.com")})


@valid_for("auth_sessions_end")
def _own_session(caller: User) -> Valid:
    return Valid(path={"session_id": _open_session(caller).pk})


@valid_for("auth_password_change")
def _password_change(caller: User) -> Valid:
    return Valid(body={"current_password": PASSWORD, "new_password": NEW_PASSWORD})


@valid_for("me_settings_update")
def _settings(caller: User) -> Valid:
    return Valid(body={"approval_notices": "digest"})


@valid_for("me_email_change")
def _address_change(caller: User) -> Valid:
    return Valid(body={"current_password": PASSWORD, "email": "another@example.com"})


@valid_for("me_erase")
def _erasure(caller: User) -> Valid:
    return Valid(body={"current_password": PASSWORD, "email": caller.email})


@valid_for("me_deactivate", "me_export")
def _leaving(caller: User) -> Valid:
    return Valid(body={"current_password": PASSWORD})


@valid_for("users_retrieve", "users_deactivate")
def _active_person(caller: User) -> Valid:
    return Valid(path={"id": UserFactory().pk})


@valid_for("users_update")
def _edit(caller: User) -> Valid:
    return Valid(path={"id": UserFactory().pk}, body={"first_name": "Changed"})


@valid_for("users_create")
def _creation(caller: User) -> Valid:
    return Valid(body={"email": "new@example.com", "first_name": "New"})


@valid_for("users_approve", "users_reject")
def _pending_person(caller: User) -> Valid:
    return Valid(path={"id": UserFactory(status=Status.PENDING_ADMIN_APPROVAL).pk})


@valid_for("users_reopen")
def _rejected_person(caller: User) -> Valid:
    return Valid(path={"id": UserFactory(status=Status.REJECTED).pk})


@valid_for("users_suspend")
def _suspension(caller: User) -> Valid:
    return Valid(path={"id": UserFactory().pk}, body={"reason": "for a reason"})


@valid_for("users_reactivate")
def _suspended_person(caller: User) -> Valid:
    return Valid(path={"id": UserFactory(status=Status.SUSPENDED).pk})


@valid_for("users_sessions_list", "users_sessions_revoke_all")
def _person_with_a_session(caller: User) -> Valid:
    return Valid(path={"user_id": _open_session(UserFactory()).user_id})


@valid_for("users_sessions_end")
def _session_of_a_person(caller: User) -> Valid:
    session = _open_session(UserFactory())
    return Valid(path={"user_id": session.user_id, "session_id": session.pk})


@valid_for("users_bulk")
def _bulk_approval(caller: User) -> Valid:
    pending = UserFactory.create_batch(2, status=Status.PENDING_ADMIN_APPROVAL)
    return Valid(body={"action": "approve", "ids": [str(user.pk) for user in pending]})


@valid_for("audit_retrieve")
def _event(caller: User) -> Valid:
    record([event("user.changed", caller, by=Actor.system())])
    return Valid(path={"id": AuditEvent.objects.latest("pk").pk})


def _mint(purpose: Purpose, user: User, *, email: str = "") -> str:
    return tokens.mint(purpose=purpose, user=user, email=email or user.email, lifetime=timedelta(minutes=30))


def _open_session(user: User) -> Session:
    sign_in(email=user.email, password=PASSWORD)
    return Session.objects.filter(user=user).latest("created_at")
