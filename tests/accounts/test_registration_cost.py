"""What a registration costs must not tell whether the address has an account."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from procrastinate.contrib.django.models import ProcrastinateJob

from keystone.accounts import tokens
from keystone.accounts.models import User
from keystone.accounts.registration import register_user
from keystone.accounts.tokens import Purpose
from keystone.mail.models import OutgoingMail
from keystone.testing.factories import UserFactory


@pytest.mark.usefixtures("queued_tasks")
def test_a_known_address_costs_as_much_as_an_unknown_one() -> None:
    """All queue the same row, from which a worker decides whether there is a mail: one had before changes nothing.

    So does an address that was given up lately and is kept for its former owner. They differ by short statements,
    beside two password hashes.
    """
    costs = []
    owner = UserFactory(email="owner@example.com")
    lifetime = timedelta(days=7)
    tokens.mint(purpose=Purpose.REVERT_EMAIL, user=owner, email="old@example.com", lifetime=lifetime)
    for email in ("ann@example.com", "ann@example.com", "ann@example.com", "bob@example.com", "old@example.com"):
        before = OutgoingMail.objects.count(), ProcrastinateJob.objects.count()
        with CaptureQueriesContext(connection) as counted:
            register_user(email=email, password="a good long one")
        mails, tasks = OutgoingMail.objects.count() - before[0], ProcrastinateJob.objects.count() - before[1]
        costs.append((len(counted), mails, tasks))
    new, known, held = (12, 1, 1), (14, 1, 1), (13, 1, 1)
    assert costs == [new, known, known, new, held]
    assert not User.objects.with_email("old@example.com").exists()
