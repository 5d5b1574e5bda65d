"""Which mails are forgotten, and when."""

from datetime import timedelta

import pytest
from django.utils import timezone

from keystone.mail.models import MailState, OutgoingMail
from keystone.mail.pruning import FAILED_KEPT, prune_mails

pytestmark = pytest.mark.django_db
NINETY = timedelta(days=90)


def mail(state: MailState, age: timedelta) -> None:
    now = timezone.now()
    key = f"<{state}.{age.days}@example.com>"
    OutgoingMail.objects.create(template="approved", recipient="a@b.example", state=state, message_id=key, sent_at=now)
    OutgoingMail.objects.filter(message_id=key).update(updated_at=now - age)


def test_mails_that_are_done_with_go_failed_ones_later_and_queued_ones_never() -> None:
    for state in MailState:
        for age in (NINETY - timedelta(days=1), NINETY, FAILED_KEPT):
            mail(state, age)
    assert [prune_mails(older_than=NINETY), prune_mails(older_than=NINETY)] == [9, 0]
    left = sorted(OutgoingMail.objects.values_list("state", "message_id"))
    assert [key.removesuffix("@example.com>") for _, key in left] == [
        "<bounced.89",
        "<failed.89",
        "<failed.90",
        "<obsolete.89",
        "<queued.365",
        "<queued.89",
        "<queued.90",
        "<sent.89",
        "<suppressed.89",
    ]


def test_failed_ones_stay_as_long_as_others_where_that_is_longer() -> None:
    mail(MailState.FAILED, FAILED_KEPT)
    assert prune_mails(older_than=timedelta(days=400)) == 0
