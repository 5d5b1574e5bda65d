"""Suppressed email addresses: after hard bounces and complaints."""

from collections.abc import Collection

from django.core.exceptions import ValidationError
from django.utils.translation import gettext

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
    stored = {form: address for address in addresses for form in (address, email_address.pseudonym(address))}
    found = SuppressedAddress.objects.filter(address__in=stored)
    return {stored[form] for form in found.values_list("address", flat=True)}


def keep_suppressions_of_erased(addresses: Collection[str]) -> None:
    """Replace these normalized addresses by their pseudonyms, and go on mailing them no more.

    Otherwise whoever registers a suppressed address, or asks for it, could lift the suppression by an erasure.
    """
    rows = SuppressedAddress.objects.filter(address__in=addresses)
    for row in rows.order_by("address").select_for_update():
        suppress(email_address.pseudonym(row.address), reason=gettext("The account was erased."))
    rows.delete()


def suppress(address: str, *, reason: str) -> None:
    """Mail an address no more. An older reason stays.

    Args:
        reason: in plain words, for administrators.
    """
    row = SuppressedAddress(address=normalized(address)[:320], reason=reason[:200])
    SuppressedAddress.objects.bulk_create([row], ignore_conflicts=True)
