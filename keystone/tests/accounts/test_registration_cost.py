"""What a registration costs must not tell whether the address has an account."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from procrastinate.contrib.django.models import ProcrastinateJob

from keystone.accounts.registration import register_user


@pytest.mark.usefixtures("queued_tasks")
def test_a_known_address_costs_as_much_as_an_unknown_one() -> None:
    """Both enqueue the same task, which decides whether there is a mail: that one had one before changes nothing.

    They differ by one short statement, beside two password hashes.
    """
    costs = []
    for email in ("ann@example.com", "ann@example.com", "ann@example.com", "bob@example.com"):
        before = ProcrastinateJob.objects.count()
        with CaptureQueriesContext(connection) as counted:
            register_user(email=email, password="a good long one")
        costs.append((len(counted), ProcrastinateJob.objects.count() - before))
    new, known = (9, 1), (10, 1)
    assert costs == [new, known, known, new]
