"""What an account holds about a person, apart from other packages' parts."""

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
    """The account, its groups, permissions and settings; not the hash of the password, which is no use to them."""
    return {
        **{name: getattr(user, name) for name in TOLD},
        "groups": sorted(user.groups.values_list("name", flat=True)),
        "permissions": sorted(user.user_permissions.values_list("codename", flat=True)),
        "settings": {"approval_notices": notices_of(user)},
    }


@collector("links", label=_("Links that were mailed"), models=["keystone.OneTimeToken"])
def collect_links(user: User) -> Iterator[dict[str, Any]]:
    """What each link was for and how long it worked; nobody has its token.

    Of a link to a new address only the right that was asked for is told, and not the token that was mailed for it:
    none is mailed to an address that has an account. It is told until it expires: the row of the token, which expires
    a little later, must not be there alone when expired ones are deleted.
    """
    links = OneTimeToken.objects.filter(user=user).order_by("pk").values(*LINK)
    yield from links.exclude(purpose=Purpose.CONFIRM_EMAIL).iterator()
    lately = timezone.now() - options().email_verification_lifetime
    wanted = links.filter(purpose=Purpose.CONFIRM_EMAIL, created_at__gt=lately)
    yield from wanted.order_by("created_at", "pk").distinct("created_at").iterator()


def known_addresses(user: User) -> frozenset[str]:
    """Every address that the person is known to have, to have had or to have asked for, as typed and normalized."""
    found = {user.email, user.email_normalized}
    for typed, plain in OneTimeToken.objects.filter(user=user).values_list("email", "email_normalized"):
        found |= {typed, plain}
    events = AuditEvent.objects.filter(target_type="user", target_id=str(user.pk))
    for label, changes in events.values_list("target_label", "changes"):
        found.add(label)
        found |= {value for value in changes.get("email") or () if isinstance(value, str)}
    # As they are, too: whether the database makes `É` an `é` depends on its locale.
    return frozenset(spelling for address in found if "@" in address for spelling in (address, address.lower()))


def not_of_others(user: User, known: frozenset[str]) -> frozenset[str]:
    """Those of a person's known addresses that no other account has, nor may take back.

    Anybody can ask for any address, and must not have erased what is held about its owner.
    """
    rights = OneTimeToken.objects.filter(purpose=Purpose.REVERT_EMAIL, used_at__isnull=True, expires_at__gt=Now())
    taken = {
        *User.objects.filter(email_normalized__in=known).exclude(pk=user.pk).values_list("email_normalized", flat=True),
        *rights.filter(email_normalized__in=known).exclude(user=user).values_list("email_normalized", flat=True),
    } - {user.email_normalized}
    return frozenset(address for address in known if normalized(address) not in taken)


def pseudonym_of(user: User) -> str:
    """What stands for an erased person; it is made of the account's key, unless that is somebody's address."""
    pseudonym = f"{user.pk.hex}@erased.invalid"  # RFC 2606: no mail ever comes there
    is_taken = User.objects.exclude(pk=user.pk).with_email(pseudonym).exists()
    return f"{uuid4().hex}@erased.invalid" if is_taken else pseudonym


@eraser("account", models=["keystone.Preferences", "keystone.OneTimeToken"])
def erase_account(user: User, erasure: Erasure) -> None:
    """Leave a deactivated account with a pseudonym, without rights, settings and links."""
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
