"""Suppressed email addresses: those that get no mail after a hard bounce or a complaint."""

from collections.abc import Collection

from django.core.exceptions import ValidationError
from django.utils.translation import gettext

from keystone import email_address
from keystone.mail.models import SuppressedAddress


def normalized(address: str) -> str:
    """Return the spelling under which an email address is suppressed. An invalid one is only stripped."""
    try:
        return email_address.normalize(address)
    except ValidationError:
        return address.strip()


def suppressed(addresses: Collection[str]) -> set[str]:
    """Return those of the normalized email addresses that are suppressed."""
    stored = {form: address for address in addresses for form in (address, email_address.pseudonym(address))}
    found = SuppressedAddress.objects.filter(address__in=stored)
    return {stored[form] for form in found.values_list("address", flat=True)}


def keep_suppressions_of_erased(addresses: Collection[str]) -> None:
    """Replace these normalized email addresses with their pseudonyms. They stay suppressed.

    Otherwise anybody who registers a suppressed address, or requests a change to it, could lift the suppression by
    having their account erased.
    """
    rows = SuppressedAddress.objects.filter(address__in=addresses)
    for row in rows.order_by("address").select_for_update():
        suppress(email_address.pseudonym(row.address), reason=gettext("The account was erased."))
    rows.delete()


def suppress(address: str, *, reason: str) -> None:
    """Suppress an email address. An earlier reason is kept.

    Args:
        reason: the reason in plain words, for administrators.
    """
    row = SuppressedAddress(address=normalized(address)[:320], reason=reason[:200])
    SuppressedAddress.objects.bulk_create([row], ignore_conflicts=True)
