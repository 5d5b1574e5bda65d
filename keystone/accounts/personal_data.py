"""The account's part in the export and the erasure of personal data."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from django.contrib.auth.hashers import make_password
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from keystone import email_address
from keystone.accounts.export import COLUMNS
from keystone.accounts.models import User
from keystone.accounts.preferences import Preferences, notices_of
from keystone.accounts.status import Status
from keystone.accounts.tokens import OneTimeToken, Purpose
from keystone.audit.models import AuditEvent
from keystone.conf import options
from keystone.mail.suppression import normalized
from keystone.personal_data import Erasure, collector, eraser

TOLD = (*COLUMNS, "updated_at")
LINK = ("purpose", "email", "created_at", "expires_at", "used_at")


@collector("account", label=_("The account"), models=["keystone.Preferences"])
def collect_account(user: User) -> dict[str, Any]:
    """Return the account, its groups, permissions and settings.

    The password hash is left out: it is of no use to the person.
    """
    return {
        **{name: getattr(user, name) for name in TOLD},
        "groups": sorted(user.groups.values_list("name", flat=True)),
        "permissions": sorted(user.user_permissions.values_list("codename", flat=True)),
        "settings": {"approval_notices": notices_of(user)},
    }


@collector("links", label=_("Links sent by email"), models=["keystone.OneTimeToken"])
def collect_links(user: User) -> Iterator[dict[str, Any]]:
    """Yield what each link was for and how long it worked. Nobody has the tokens.

    For a link to a new email address, only the reserved token is listed, not the one mailed for it: none is mailed to
    an address that has an account. It is listed until it expires. The row of the mailed token expires a little later,
    and must not be left alone when expired rows are deleted.
    """
    links = OneTimeToken.objects.filter(user=user).order_by("pk").values(*LINK)
    yield from links.exclude(purpose=Purpose.CONFIRM_EMAIL).iterator()
    lately = timezone.now() - options().email_verification_lifetime
    wanted = links.filter(purpose=Purpose.CONFIRM_EMAIL, created_at__gt=lately)
    yield from wanted.order_by("created_at", "pk").distinct("created_at").iterator()


def known_addresses(user: User) -> frozenset[str]:
    """Return every email address that the person has, had or requested, as typed and normalized."""
    found = {user.email, user.email_normalized}
    for typed, plain in OneTimeToken.objects.filter(user=user).values_list("email", "email_normalized"):
        found |= {typed, plain}
    events = AuditEvent.objects.filter(target_type="user", target_id=str(user.pk))
    for label, changes in events.values_list("target_label", "changes"):
        found.add(label)
        found |= {value for value in changes.get("email") or () if isinstance(value, str)}
    # Also as they are: whether the database lowercases `É` to `é` depends on its locale.
    return frozenset(spelling for address in found if "@" in address for spelling in (address, address.lower()))


def not_of_others(user: User, known: frozenset[str]) -> frozenset[str]:
    """Return those of a person's known email addresses that no other account has or may take back.

    Anybody can request any email address, but must not be able to erase what is stored about its owner.
    """
    rights = OneTimeToken.objects.filter(purpose=Purpose.REVERT_EMAIL, used_at__isnull=True, expires_at__gt=Now())
    taken = {
        *User.objects.filter(email_normalized__in=known).exclude(pk=user.pk).values_list("email_normalized", flat=True),
        *rights.filter(email_normalized__in=known).exclude(user=user).values_list("email_normalized", flat=True),
    } - {user.email_normalized}
    return frozenset(address for address in known if normalized(address) not in taken)


def pseudonym_of(user: User) -> str:
    """Return the email address that stands for an erased person.

    It is made of the account's key, unless another account has that address.
    """
    pseudonym = f"{user.pk.hex}@erased.invalid"  # RFC 2606: no mail is ever delivered there
    is_taken = User.objects.exclude(pk=user.pk).with_email(pseudonym).exists()
    return f"{uuid4().hex}@erased.invalid" if is_taken else pseudonym


@eraser("account", models=["keystone.Preferences", "keystone.OneTimeToken"])
def erase_account(user: User, erasure: Erasure) -> None:
    """Deactivate the account, give it the pseudonym, and delete its names, permissions, settings and links."""
    OneTimeToken.objects.filter(user=user).delete()
    Preferences.objects.filter(user=user).delete()
    user.groups.clear()
    user.user_permissions.clear()
    placed = user.set_status(Status.DEACTIVATED, at=erasure.at) if user.status != Status.DEACTIVATED else {}
    User.objects.filter(pk=user.pk).update(
        **placed,
        email=erasure.pseudonym,
        email_normalized=email_address.normalize(erasure.pseudonym),
        first_name="",
        last_name="",
        password=make_password(None),
        status_reason="",
        email_verified_at=None,
        suspended_until=None,
        access_ends_at=None,
        expiry_warned_at=None,
        last_login=None,
        erased_at=erasure.at,
        updated_at=erasure.at,
    )
