"""The core's jobs: their ids and times, and that each can be run, twice, on an empty table."""

from datetime import timedelta

import pytest
from django.utils import timezone

from keystone.accounts import tokens
from keystone.accounts.tokens import EXPIRED_KEPT, OneTimeToken, Purpose
from keystone.scheduling import registry
from keystone.testing.factories import UserFactory

JOBS = {
    "keystone.deliver_overdue": {"mails": 0},
    "keystone.end_access": {"changed": 0, "refused": 0, "failed": 0},
    "keystone.expire_stale_registrations": {"deleted": 0, "kept": 0},
    "keystone.delete_ended_attempt_windows": {"deleted": 0},
    "keystone.delete_expired_browser_sessions": {"deleted": 0},
    "keystone.delete_ended_sessions": {"deleted": 0},
    "keystone.delete_expired_tokens": {"deleted": 0},
    "keystone.delete_final_undos": {"deleted": 0},
    "keystone.lift_suspensions": {"changed": 0, "refused": 0, "failed": 0},
    "keystone.mail_digests": {"mails": 0},
    "keystone.prune_data_runs": {"deleted": 0},
    "keystone.prune_mails": {"deleted": 0},
    "keystone.prune_runs": {"deleted": 0},
    "keystone.prune_tasks": {"deleted": 0},
    "keystone.remind_approvers": {"mails": 0},
    "keystone.tell_approvers_of_the_rest": {"mails": 0},
    "keystone.warn_stale_registrations": {"mails": 0},
}


def test_every_job_of_the_core_is_declared_and_says_what_it_does() -> None:
    ours = {name: job for name, job in registry.declarations().items() if name.startswith("keystone.")}
    assert sorted(ours) == sorted(JOBS)
    assert all(job.description.endswith(".") for job in ours.values())


@pytest.mark.django_db(transaction=True)  # outside a transaction, as in a worker
@pytest.mark.parametrize("name", JOBS)
def test_a_job_with_nothing_to_do_says_so_each_time(name: str) -> None:
    job = registry.declarations()[name].function
    assert [job(), job()] == [JOBS[name]] * 2


@pytest.mark.django_db
def test_tokens_go_a_day_after_they_have_expired_used_or_not() -> None:
    user = UserFactory()
    for age in (EXPIRED_KEPT, EXPIRED_KEPT - timedelta(hours=1), timedelta(hours=-1)):
        tokens.mint(purpose=Purpose.RESET_PASSWORD, user=user, email=user.email, lifetime=-age)
    used = OneTimeToken.objects.get(pk=OneTimeToken.objects.latest("pk").pk)
    OneTimeToken.objects.filter(pk=used.pk).update(used_at=timezone.now())
    assert [tokens.delete_expired(), tokens.delete_expired()] == [1, 0]
    assert OneTimeToken.objects.count() == 2
