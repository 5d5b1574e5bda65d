"""Addresses that get no mail any more, because it bounced for good or its reader complained."""

from collections.abc import Collection

from django.core.exceptions import ValidationError

from keystone import email_address
from keystone.mail.models import SuppressedAddress


def normalized(address: str) -> str:
    """The spelling that an address is suppressed by; what is none stands as it is."""
    try:
        return email_address.normalize(address)
    except ValidationError:
        return address.strip()


def suppressed(addresses: Collection[str]) -> set[str]:
    """Those of these normalized addresses that are suppressed."""
    found = SuppressedAddress.objects.filter(address__in=set(addresses))
    return set(found.values_list("address", flat=True))


def suppress(address: str, *, reason: str) -> None:
    """Mail an address no more. An older reason stays.

    Args:
        reason: in plain words, for administrators.
    """
    row = SuppressedAddress(address=normalized(address)[:320], reason=reason[:200])
    SuppressedAddress.objects.bulk_create([row], ignore_conflicts=True)
