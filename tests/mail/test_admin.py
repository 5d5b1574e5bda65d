"""The outbox in the admin: the list, the page of a mail, sending again."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from keystone.audit.models import AuditEvent
from keystone.mail.admin.mails import in_words
from keystone.mail.handling import MOST_AT_ONCE, ResendResult
from keystone.mail.models import MailState, OutgoingMail, SuppressedAddress
from keystone.testing.factories import UserFactory, approver, superuser
from tests.approval.admin_pages import PEOPLE, browser, told
from tests.mail.rows import listed, outgoing, viewer

pytestmark = pytest.mark.django_db
LIST = "/admin/keystone/outgoingmail/"
SUPPRESSED = "/admin/keystone/suppressedaddress/"


def page_of(mail: OutgoingMail) -> str:
    return f"{LIST}{mail.pk}/change/"


def selected(*mails: OutgoingMail, **more: str) -> dict[str, Any]:
    return {"action": "resend_selected", "_selected_action": [str(mail.pk) for mail in mails], **more}


# -- the list ----------------------------------------------------------------------------------------------------


def test_the_list_shows_each_mail_by_its_label_and_state() -> None:
    ann = UserFactory(email="ann@example.com", first_name="Ann", last_name="Smith")
    outgoing(MailState.QUEUED, user=ann, next_attempt_at=datetime(2026, 12, 24, 18, 30, tzinfo=UTC))
    outgoing(MailState.SENT, template="trial", context={"of": "approved"}, recipient="bob@example.com")
    outgoing(MailState.FAILED, template="gone_from_the_code")
    page = viewer("view_user").get(LIST).content.decode()
    assert "Test: Approved" in page
    assert "gone_from_the_code" in page
    assert "24 Dec 2026, 18:30" in page
    assert f'href="/admin/keystone/user/{ann.pk}/change/">Ann Smith</a>' in page
    assert f'href="{LIST}templates/"' in page


def test_the_person_is_linked_for_those_who_may_see_people() -> None:
    ann = UserFactory(first_name="Ann", last_name="Smith")
    mail = outgoing(user=ann)
    root, other = browser(superuser()), viewer()
    for address in (LIST, page_of(mail)):
        page = other.get(address).content.decode()
        assert "Ann Smith" in page
        assert str(ann.pk) not in page
        assert f'href="/admin/keystone/user/{ann.pk}/change/"' in root.get(address).content.decode()


def test_the_list_is_filtered() -> None:
    ann = UserFactory()
    failed = outgoing(MailState.FAILED, user=ann)
    sent = outgoing(MailState.SENT, template="approved")
    queued = outgoing(MailState.QUEUED)
    old = timezone.now() - timedelta(days=40)
    OutgoingMail.objects.filter(pk=queued.pk).update(created_at=old)
    client = viewer()
    assert listed(client.get(LIST)) == [sent.pk, failed.pk, queued.pk]
    assert listed(client.get(f"{LIST}?state=failed&state=sent")) == [sent.pk, failed.pk]
    assert listed(client.get(f"{LIST}?state=nonsense")) == [sent.pk, failed.pk, queued.pk]
    assert listed(client.get(f"{LIST}?mail=approved")) == [sent.pk]
    assert listed(client.get(f"{LIST}?person={ann.pk}")) == [failed.pk]
    assert listed(client.get(f"{LIST}?person=nobody")) == []
    assert listed(client.get(f"{LIST}?created_at_to={old:%Y-%m-%d}")) == [queued.pk]
    assert client.get(f"{LIST}?recipient__startswith=a").status_code == 400  # no way round the filters


def test_the_filter_of_a_person_is_there_only_where_one_is_named() -> None:
    ann = UserFactory(email="ann@example.com")
    client = viewer()
    assert "person=" not in client.get(LIST).content.decode()
    assert "ann@example.com" in client.get(f"{LIST}?person={ann.pk}").content.decode()
    assert "Nobody" in client.get(f"{LIST}?person={'0' * 32}").content.decode()


def test_the_search_finds_the_beginnings_of_addresses() -> None:
    ann, bob = outgoing(recipient="Ann.Smith@Example.com"), outgoing(recipient="bob@example.com")
    client = viewer()
    assert listed(client.get(f"{LIST}?q=ann.s")) == [ann.pk]
    assert listed(client.get(f"{LIST}?q=BOB@")) == [bob.pk]
    assert listed(client.get(f"{LIST}?q=example")) == []
    assert listed(client.get(f"{LIST}?q=%25")) == []
    assert listed(client.get(f"{LIST}?q=+")) == [bob.pk, ann.pk]


def test_the_search_goes_through_the_index() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = OutgoingMail.objects.to_addresses_with("ann").order_by().explain()
    assert "mail_recipient" in plan
    assert "~>=~" in plan


@pytest.mark.parametrize("address", [LIST, f"{PEOPLE}{{}}/mails/"])
def test_a_page_costs_the_same_for_one_mail_and_for_three(address: str) -> None:
    ann = UserFactory()
    client = browser(superuser())
    numbers = []
    for count in (1, 2):
        for _ in range(count):
            outgoing(user=ann if "{}" in address else UserFactory())
        with CaptureQueriesContext(connection) as queries:
            client.get(address.format(ann.pk))
        numbers.append(len(queries))
    assert numbers[0] == numbers[1]


def test_the_list_is_for_those_who_may_see_it() -> None:
    mail = outgoing()
    client = browser(approver())
    for address in (LIST, page_of(mail), SUPPRESSED):
        assert client.get(address).status_code == 403
        assert Client().get(address).status_code == 302


# -- the page of a mail ------------------------------------------------------------------------------------------


def test_the_page_of_a_mail_says_all_that_is_known_of_it() -> None:
    mail = outgoing(
        MailState.FAILED,
        context={"reason": "<b>Fees</b>"},
        last_error="The mail server does not know the address.",
        provider_id="provider-1",
        request_id="request-12345678",
        language="en",
    )
    page = viewer("view_auditevent").get(page_of(mail)).content.decode()
    for shown in (
        "The mail server does not know the address.",
        "provider-1",
        "/admin/keystone/auditevent/?q=request-12345678",
        "&lt;b&gt;Fees&lt;/b&gt;",
        mail.message_id.strip("<>"),
        "English",
        "The text is not stored",
        f'href="{LIST}templates/rejected/"',
    ):
        assert shown in page
    assert "<b>Fees" not in page
    assert "<iframe" not in page  # no sample stands where a reader looks for the mail itself


def test_the_page_of_a_queued_mail_says_when_it_is_tried() -> None:
    waiting = outgoing(MailState.QUEUED, attempts=0)
    client = viewer("send_outgoingmail")
    page = client.get(page_of(waiting)).content.decode()
    assert "as soon as a worker is free" in page
    assert "Send again" not in page
    OutgoingMail.objects.update(next_attempt_at=datetime(2026, 12, 24, 18, 30, tzinfo=UTC))
    assert "24 Dec 2026, 18:30 UTC" in client.get(page_of(waiting)).content.decode()


def test_the_page_of_a_test_links_the_mail_that_was_tested() -> None:
    page = viewer().get(page_of(outgoing(template="trial", context={"of": "approved"}))).content.decode()
    assert f'href="{LIST}templates/approved/"' in page


def test_the_page_of_a_mail_whose_code_has_gone_still_opens() -> None:
    page = viewer().get(page_of(outgoing(template="gone", language="tlh"))).content.decode()
    assert "This kind of mail no longer exists." in page
    assert "tlh" in page


# -- sending again -----------------------------------------------------------------------------------------------


def test_a_failed_mail_is_sent_again_from_its_page() -> None:
    mail = outgoing()
    client = viewer("send_outgoingmail")
    assert "Send again" in client.get(page_of(mail)).content.decode()
    response = client.post(f"{LIST}{mail.pk}/resend/")
    assert response["Location"] == page_of(mail)
    assert told(response) == ["1 mail will be sent again."]
    assert AuditEvent.objects.get().actor_label == "viewer@example.com"


def test_a_sent_mail_is_asked_about_first() -> None:
    mail = outgoing(MailState.SENT)
    client = viewer("send_outgoingmail")
    assert f'href="{LIST}{mail.pk}/resend/"' in client.get(page_of(mail)).content.decode()
    for ask in (client.get, client.post):  # posted from a page that was opened before it was sent
        page = ask(f"{LIST}{mail.pk}/resend/").content.decode()
        assert "the recipient may receive it twice" in page
    assert OutgoingMail.objects.get().state == MailState.SENT
    client.post(f"{LIST}{mail.pk}/resend/", {"confirmed": "1"})
    assert OutgoingMail.objects.get().state == MailState.QUEUED


def test_selected_mails_are_sent_again_and_the_sent_ones_among_them_only_when_that_is_meant() -> None:
    failed, sent = outgoing(), outgoing(MailState.SENT)
    client = viewer("send_outgoingmail")
    response = client.post(LIST, selected(failed, sent))
    assert response.status_code == 200
    assert "A mail server has already accepted 1 of them" in response.content.decode()
    assert not OutgoingMail.objects.queued().exists()
    hidden = dict(response.context["hidden"])
    assert hidden["action"] == "resend_selected"
    response = client.post(LIST, selected(failed, sent, confirmed="1"))
    assert told(response) == ["2 mails will be sent again."]
    assert OutgoingMail.objects.queued().count() == 2


def test_what_stays_is_told() -> None:
    SuppressedAddress.objects.create(address="bob@example.com", reason="bounced")
    rows = [outgoing(MailState.QUEUED), outgoing(recipient="bob@example.com")]
    response = viewer("send_outgoingmail").post(LIST, selected(*rows))
    assert told(response) == [
        "1 mail is already waiting to be sent.",
        "1 mail was not sent: its address is suppressed. Lift the suppression first.",
    ]


def test_mails_that_are_sent_while_somebody_chooses_are_not_sent_twice() -> None:
    said = [text for _level, text in in_words(ResendResult(resent=1, sent=2))]
    assert said == [
        "1 mail will be sent again.",
        "2 mails were sent in the meantime and will not be sent twice.",
    ]


def test_too_many_at_once_are_refused_without_a_question() -> None:
    rows = OutgoingMail.objects.bulk_create(
        OutgoingMail(
            template="rejected",
            recipient="ann@example.com",
            state=MailState.SENT,
            sent_at=timezone.now(),
            message_id=f"<{number}@example.com>",
        )
        for number in range(MOST_AT_ONCE + 1)
    )
    response = viewer("send_outgoingmail").post(LIST, selected(rows[0], select_across="1"))
    assert told(response) == ["At most 1000 mails can be sent again at once. Select fewer."]
    assert not OutgoingMail.objects.queued().exists()


def test_sending_again_takes_the_permission() -> None:
    mail = outgoing()
    client = viewer()
    assert "Send again" not in client.get(page_of(mail)).content.decode()
    assert "resend_selected" not in client.get(LIST).content.decode()
    assert client.post(f"{LIST}{mail.pk}/resend/").status_code == 403
    client.post(LIST, selected(mail))
    assert OutgoingMail.objects.get().state == MailState.FAILED
    assert browser(superuser()).get(f"{LIST}0/resend/").status_code == 404
    assert browser(approver("send_outgoingmail")).post(f"{LIST}{mail.pk}/resend/").status_code == 403
