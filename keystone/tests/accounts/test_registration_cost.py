"""What a registration costs must not tell whether the address has an account."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from keystone.accounts.models import User
from keystone.accounts.registration import register_user


@pytest.mark.usefixtures("queued_tasks")
def test_a_known_address_costs_as_many_statements_and_tasks_as_an_unknown_one() -> None:
    """Whether there is a mail for its owner is looked up in the task, so the interval makes no difference either."""
    costs = []
    for email in ("ann@example.com", "ann@example.com", "ann@example.com", "bob@example.com"):
        before = ProcrastinateJob.objects.count()
        with CaptureQueriesContext(connection) as counted:
            register_user(email=email, password="a good long one")
        costs.append((len(counted), ProcrastinateJob.objects.count() - before))
        User.objects.filter(email="ann@example.com").update(registration_mail_at=timezone.now())
    assert len(set(costs)) == 1
    assert costs[0][1] == 1
