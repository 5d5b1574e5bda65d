"""Sessions of the admin: which are verified, which owe a code, and what it costs to know."""

from typing import Any

import pytest
from django.contrib.auth import SESSION_KEY
from django.test import Client

from keystone.accounts.models import User
from keystone.actors.actor import Actor
from keystone.audit.models import AuditEvent
from keystone.testing.factories import approver
from keystone.two_factor import enrolment
from keystone.two_factor.models import Authenticator
from tests.two_factor.phone import fresh_code, set_up, verified_browser

pytestmark = pytest.mark.django_db
LOGIN, CODE, PEOPLE = "/admin/login/", "/admin/login/code/", "/admin/keystone/user/"


@pytest.fixture
def anna() -> User:
    """Staff with a second factor."""
    user = approver(email="anna@example.com")
    set_up(user)
    return user


def is_in(client: Client) -> bool:
    return client.get("/admin/").status_code == 200


def test_a_session_from_before_the_set_up_is_asked_for_a_code(client: Client) -> None:
    anna = approver()
    client.force_login(anna)
    assert is_in(client)
    set_up(anna)  # elsewhere
    for address in ("/admin/", f"{PEOPLE}?q=x", "/admin/two-factor/", "/admin/jsi18n/", "/admin/password_change/"):
        assert client.get(address)["Location"].startswith(f"{CODE}?next=/admin/")
    assert client.get(LOGIN)["Location"] == CODE
    page = client.get(CODE).content.decode()
    assert "Log out" in page
    response = client.post(f"{CODE}?next={PEOPLE}", {"code": fresh_code(anna)})
    assert response["Location"] == PEOPLE
    assert is_in(client)
    assert not AuditEvent.objects.filter(action="user.signed_in").exists()


def test_a_session_of_a_device_that_was_replaced_is_asked_for_a_code(anna: User) -> None:
    client = verified_browser(anna)
    set_up(anna)
    assert client.get("/admin/")["Location"] == f"{CODE}?next=/admin/"
    enrolment.remove(anna, by=Actor.cli())
    assert is_in(client)


def test_who_owes_a_code_can_log_out(client: Client, anna: User) -> None:
    client.force_login(anna)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(anna)
    assert strict.post("/admin/logout/").status_code == 403
    client.post("/admin/logout/")
    assert SESSION_KEY not in client.session


def test_a_device_of_somebody_else_verifies_nobody(client: Client, anna: User) -> None:
    other = approver()
    set_up(other)
    client.force_login(anna)
    session = client.session
    session["otp_device_id"] = f"keystone.authenticator/{Authenticator.objects.get(user=other).pk}"
    session.save()
    assert client.get("/admin/")["Location"] == f"{CODE}?next=/admin/"


def test_an_authenticator_that_is_not_confirmed_verifies_nobody(client: Client, anna: User) -> None:
    client.force_login(anna)
    session = client.session
    session["otp_device_id"] = f"keystone.authenticator/{enrolment.begin(anna).pk}"
    session.save()
    assert client.get("/admin/")["Location"] == f"{CODE}?next=/admin/"


def test_a_verified_session_costs_one_query_more(anna: User, django_assert_num_queries: Any) -> None:
    client = verified_browser(anna)
    with django_assert_num_queries(3):  # session, person, authenticator
        client.get("/admin/jsi18n/")
