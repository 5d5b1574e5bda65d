"""The mails on a person's page."""

import pytest

from keystone.mail.models import MailState
from keystone.testing.factories import UserFactory, approver, superuser
from tests.approval.admin_pages import PEOPLE, browser
from tests.mail.rows import outgoing, viewer

pytestmark = pytest.mark.django_db
LIST = "/admin/keystone/outgoingmail/"


def test_a_persons_page_shows_their_newest_mails() -> None:
    ann, bob = UserFactory(), UserFactory()
    outgoing(user=bob, recipient="other@example.com")
    for number in range(21):
        outgoing(user=ann, recipient=f"ann{number}@example.com", last_error="Refused by the server.")
    outgoing(MailState.SENT, user=ann, template="approved")
    response = viewer("view_user").get(f"{PEOPLE}{ann.pk}/mails/")
    page = response.content.decode()
    assert len(response.context["rows"]) == 20
    assert "ann20@example.com" in page
    assert "ann1@example.com" not in page
    assert "other@example.com" not in page
    assert "Refused by the server." in page
    assert f'href="{LIST}?person={ann.pk}"' in page


def test_a_persons_mails_are_for_those_who_may_see_mails() -> None:
    ann = UserFactory()
    address = f"{PEOPLE}{ann.pk}/mails/"
    assert address in viewer("view_user").get(f"{PEOPLE}{ann.pk}/change/").content.decode()
    client = browser(approver())
    assert address not in client.get(f"{PEOPLE}{ann.pk}/change/").content.decode()
    assert client.get(address).status_code == 403
    sees_no_people = browser(approver("view_outgoingmail", email="mails@example.com"))
    assert sees_no_people.get(address).status_code == 403
    assert "No mails." in browser(superuser()).get(address).content.decode()
