"""A person's page: the state of their second factor, and the help of a superuser."""

import pytest
from django.core import mail
from django.test import Client
from pytest_django import Settings

from keystone.accounts.models import User
from keystone.audit.models import AuditEvent
from keystone.testing.factories import UserFactory, approver, superuser
from keystone.two_factor import enrolment
from keystone.two_factor.models import Authenticator
from keystone.two_factor.verification import has_second_factor
from tests.approval.admin_pages import browser, page_of, told
from tests.two_factor.phone import set_up, verified_browser

pytestmark = pytest.mark.django_db


def removal_of(user: User) -> str:
    return f"/admin/keystone/user/{user.pk}/two-factor/"


@pytest.fixture
def client() -> Client:
    """A superuser's browser."""
    return browser(superuser(email="root@example.com"))


def test_the_state_is_shown_with_the_way_to_remove_it(client: Client) -> None:
    anna = approver()
    page = client.get(page_of(anna)).content.decode()
    assert "not set up" in page
    assert removal_of(anna) not in page
    set_up(anna)
    page = client.get(page_of(anna)).content.decode()
    assert "since " in page
    assert f'href="{removal_of(anna)}"' in page


def test_a_superuser_removes_it_after_a_look(client: Client, django_capture_on_commit_callbacks: object) -> None:
    anna = approver(first_name="Anna", last_name="Decides")
    set_up(anna)
    assert "Remove two-factor sign-in of Anna Decides?" in client.get(removal_of(anna)).content.decode()
    assert has_second_factor(anna) is True
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]  # pytest-django's fixture
        response = client.post(removal_of(anna))
    assert (response["Location"], told(response)) == (
        page_of(anna),
        ["Two-factor sign-in has been removed, and the person is notified by email."],
    )
    assert has_second_factor(anna) is False
    event = AuditEvent.objects.get(action="user.second_factor_removed")
    assert (event.actor_kind, event.actor_label) == ("administrator", "root@example.com")
    assert [(sent.to, sent.subject) for sent in mail.outbox][1:] == [([anna.email], "Two-factor sign-in is off")]
    response = client.get(removal_of(anna))
    assert told(response)[-1] == "This person has not set up two-factor sign-in."


def test_a_set_up_that_was_not_finished_is_ended(client: Client) -> None:
    anna = approver()
    enrolment.begin(anna)
    assert told(client.post(removal_of(anna))) == ["An unfinished set-up has been cancelled."]
    assert not Authenticator.objects.exists()


def test_ones_own_is_removed_on_ones_own_page(client: Client) -> None:
    root = User.objects.get(email="root@example.com")
    assert removal_of(root) not in client.get(page_of(root)).content.decode()
    for method in (client.get, client.post):
        assert method(removal_of(root))["Location"] == "/admin/two-factor/"


def test_others_may_not() -> None:
    user = UserFactory()
    set_up(user)
    anna = browser(approver("view_user", "change_user", "approve_user", "suspend_user"))
    page = anna.get(page_of(user)).content.decode()
    assert "since " in page
    assert removal_of(user) not in page
    assert anna.get(removal_of(user)).status_code == 403
    assert anna.post(removal_of(user)).status_code == 403
    assert Client().post(removal_of(user))["Location"].startswith("/admin/login/")
    assert has_second_factor(user) is True


def test_it_says_what_is_required(settings: Settings, client: Client) -> None:
    anna, ann = approver(), UserFactory()
    page = client.get(page_of(ann)).content.decode()
    assert "required, not set up yet" not in page
    root = User.objects.get(email="root@example.com")
    settings.KEYSTONE = {"TWO_FACTOR_REQUIRED": True}
    set_up(root)
    page = verified_browser(root).get(page_of(anna)).content.decode()
    assert "required, not set up yet" in page


def test_an_unknown_person_is_none(client: Client) -> None:
    assert client.get("/admin/keystone/user/nobody/two-factor/").status_code == 404
