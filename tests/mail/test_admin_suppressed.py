"""Suppressed addresses in the admin."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from keystone.mail.models import SuppressedAddress
from keystone.testing.factories import approver, superuser
from tests.approval.admin_pages import browser, told
from tests.mail.rows import listed

pytestmark = pytest.mark.django_db
SUPPRESSED = "/admin/keystone/suppressedaddress/"


def test_suppressed_addresses_are_listed_and_lifted() -> None:
    ann = SuppressedAddress.objects.create(address="ann@example.com", reason="The mailbox does not exist.")
    SuppressedAddress.objects.create(address="bob@example.com", reason="Its reader complained.")
    client = browser(approver("view_suppressedaddress", "send_outgoingmail"))
    assert "Its reader complained." in client.get(SUPPRESSED).content.decode()
    assert listed(client.get(f"{SUPPRESSED}?q=ANN@")) == [ann.pk]
    response = client.post(SUPPRESSED, {"action": "lift_selected", "_selected_action": [str(ann.pk)]})
    assert told(response) == [
        "The suppression of 1 address was lifted. Mails that it missed can be sent again from the list of mails.",
    ]
    assert list(SuppressedAddress.objects.values_list("address", flat=True)) == ["bob@example.com"]


def test_lifting_takes_the_permission() -> None:
    ann = SuppressedAddress.objects.create(address="ann@example.com", reason="bounced")
    client = browser(approver("view_suppressedaddress"))
    assert "lift_selected" not in client.get(SUPPRESSED).content.decode()
    client.post(SUPPRESSED, {"action": "lift_selected", "_selected_action": [str(ann.pk)]})
    assert SuppressedAddress.objects.exists()


def test_the_list_of_suppressed_addresses_costs_the_same_for_one_and_for_three() -> None:
    client = browser(superuser())
    numbers = []
    for addresses in (["ann@example.com"], ["bob@example.com", "eve@example.com"]):
        for address in addresses:
            SuppressedAddress.objects.create(address=address, reason="bounced")
        with CaptureQueriesContext(connection) as queries:
            client.get(SUPPRESSED)
        numbers.append(len(queries))
    assert numbers[0] == numbers[1]
