"""The outbox's data about a person: kinds of mails and recipients, no texts."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Q, Value
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from keystone.mail import registry
from keystone.mail.models import MailState, OutgoingMail
from keystone.mail.suppression import keep_suppressions_of_erased
from keystone.personal_data import Erasure, collector, eraser

TOLD = ("template", "recipient", "state", "created_at", "sent_at", "last_error")


@collector("mails", label=_("Mails"), models=["keystone.OutgoingMail"])
def collect_mails(user: Any) -> Iterator[dict[str, Any]]:
    """Yield the mails about the person, also to their former email addresses, and all mails to their verified address.

    The mails to an unverified address are not included unless they are about the person, and neither are kinds of mails
    that go to an address that may be somebody else's.
    """
    is_theirs = Q(user=user)
    if user.email_verified_at is not None:
        is_theirs |= _to([user.email, user.email_normalized])
    elsewhere = [name for name, kind in registry.EMAILS.items() if kind.goes_elsewhere]
    mails = OutgoingMail.objects.filter(is_theirs).exclude(template__in=elsewhere).order_by("created_at", "pk")
    yield from mails.values(*TOLD).iterator()


@eraser("mails", models=["keystone.OutgoingMail"])
def erase_mails(user: Any, erasure: Erasure) -> None:
    """Cancel the person's queued mails. Keep the rows of sent ones without the recipient, context and errors."""
    OutgoingMail.objects.queued().filter(Q(user=user) | _to(erasure.addresses)).update(state=MailState.OBSOLETE)
    OutgoingMail.objects.filter(user=user).update(context={}, last_error="")
    OutgoingMail.objects.filter(_to(erasure.addresses) | Q(user=user) & _to(erasure.known_addresses)).update(
        recipient=erasure.pseudonym, context={}, last_error="", provider_id=""
    )
    keep_suppressions_of_erased(erasure.addresses)


def _to(addresses: Any) -> Q:
    return Q(
        pk__in=OutgoingMail.objects.alias(to=Lower("recipient"))
        .filter(to__in=[Lower(Value(address)) for address in addresses])
        .values("pk")
    )
