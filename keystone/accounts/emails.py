"""The mails of the life cycle: one short function each. Tokens are minted here, while the mail is being sent."""

from collections.abc import Callable, Collection
from datetime import timedelta
from functools import partial
from itertools import batched
from typing import Any
from urllib.parse import quote

from django.db import transaction
from django.utils.dateparse import parse_datetime

from keystone.accounts import tokens
from keystone.accounts.authority import lock_user
from keystone.accounts.models import User
from keystone.accounts.moves import UserNotFound
from keystone.accounts.tokens import OneTimeToken, Purpose, mint
from keystone.conf import options
from keystone.mail.outgoing import Mail
from keystone.sessions.devices import device_name

PEOPLE_PER_TASK = 500


def queue_email(name: str, user_ids: Collection[Any], **context: str) -> None:
    """Send the mail `name` to these people once the running transaction has been committed.

    Args:
        name: a key of `EMAILS`.
        context: what the mail says beside the person; never a token.
    """
    from keystone.accounts.tasks import send_account_emails

    for some in batched(user_ids, PEOPLE_PER_TASK):
        arguments: dict[str, Any] = {"name": name, "user_ids": [str(key) for key in some], "context": context}
        transaction.on_commit(partial(send_account_emails.enqueue, **arguments), robust=True)


def queue_password_email(name: str, user: User, **context: str) -> None:
    """As `queue_email`, for "reset_password" and "choose_password": the right to their link is reserved at once.

    Call it with the row locked, after whatever ends other links.
    """
    lifetime = _password_link_lifetime(name)
    right = tokens.reserve(purpose=Purpose.RESET_PASSWORD, user=user, email=user.email, lifetime=lifetime)
    queue_email(name, [user.pk], reserved=str(right.pk), **context)


def verify_email(user: User) -> Mail | None:
    """The link that proves an address; None for who is not (any more) to prove one when the mail is sent."""
    lifetime = options().email_verification_lifetime
    with transaction.atomic():
        now = _locked(user)  # a decision holds this lock, too: it comes before or after the token
        if now is None or not now.needs_verification:
            return None
        token = mint(purpose=Purpose.VERIFY_EMAIL, user=now, email=now.email, lifetime=lifetime)
    return _mail("verify_email", now, link=link("verify-email", token), **_works_for(lifetime))


def reset_password(user: User, *, reserved: str) -> Mail | None:
    """The link that sets a new password; None where the right has ended in the meantime.

    Args:
        reserved: the key of the right to it (see `queue_password_email`).
    """
    return _password_link("reset_password", user, reserved)


def choose_password(user: User, *, reserved: str, after: str = "registration") -> Mail | None:
    """The link that sets the first password that is certainly the owner's; None where the right to it has ended.

    Args:
        reserved: the key of the right to it (see `queue_password_email`).
        after: why there is none: "registration", for the address was registered more than once; or "revert", for a
            change of the address was taken back.
    """
    return _password_link("choose_password", user, reserved, after=after)


def password_changed(user: User, *, at: str, ip_address: str = "") -> Mail:
    """The password is another one: news for whoever did not do it."""
    return _mail("password_changed", user, at=parse_datetime(at), ip_address=ip_address, link=page("reset-password"))


def confirm_email(user: User, *, reserved: str) -> Mail | None:
    """To a new address: the link that makes it the account's.

    Args:
        reserved: the key of the right to it (see `tokens.reserve`).

    Returns:
        Another mail where somebody has the address; None where the right has ended in the meantime.
    """
    lifetime = options().email_verification_lifetime
    right, token = _mint_reserved(user, reserved, lifetime)
    if right is None:
        return None
    owner = User.objects.with_email(right.email).exclude(pk=user.pk).first()
    if owner is not None and not owner.is_unclaimed:
        return address_in_use(owner)
    return _mail("confirm_email", user, to=right.email, link=link("confirm-email", token), **_works_for(lifetime))


def address_in_use(user: User) -> Mail:
    """Somebody wants the address of this account for another one; only its owner learns of it."""
    return _mail("address_in_use", user)


def email_changed(user: User, *, reserved: str, old_email: str, new_email: str, at: str) -> Mail:
    """To the old address: the account has another one now, and a link that takes this back, if it still can be."""
    lifetime = options().email_revert_lifetime
    right, token = _mint_reserved(user, reserved, lifetime)
    context: dict[str, Any] = {"new_email": new_email, "at": parse_datetime(at), **_works_for(lifetime)}
    return _mail("email_changed", user, to=old_email, link=link("revert-email", token) if right else "", **context)


def email_reverted(user: User, *, old_email: str, new_email: str, at: str) -> Mail:
    """To the address that an account had until a change was taken back: news for whoever did not do it."""
    return _mail("email_reverted", user, to=old_email, new_email=new_email, at=parse_datetime(at))


def session_stolen(user: User, *, at: str, device: str = "", ip_address: str = "") -> Mail:
    """A session was ended because its token was used twice, which looks like theft."""
    context: dict[str, Any] = {"at": parse_datetime(at), "device": device_name(device), "ip_address": ip_address}
    return _mail("session_stolen", user, link=page("reset-password"), **context)


def already_registered(user: User) -> Mail:
    """Somebody registered an address that has an account; only its owner learns of it.

    Where nobody has proved the address, the account need not be the reader's: the mail then says how to take it over,
    if a password can be set by mail as it stands.
    """
    reset_link = page("reset-password")
    if user.email_verified_at is None:
        is_open = user.can_be_mailed_a_password_link
        return _mail("already_registered", user, unproved=True, is_open=is_open, link=reset_link)
    return _mail("already_registered", user, link=f"{options().link_url}/", reset_link=reset_link)


def account_created(user: User) -> Mail:
    """An administrator made the account, and typed the name that it greets with."""
    links = {"link": f"{options().link_url}/", "reset_link": page("reset-password")}
    return _mail("account_created", user, name=user.get_short_name(), **links)


def awaiting_approval(user: User) -> Mail:
    """The registration was received and waits for a decision."""
    return _mail("awaiting_approval", user, lacks_password=not user.has_usable_password())


def approved(user: User, *, reason: str = "") -> Mail:
    """The decision, with a word of the administrator's where there is one."""
    reset_link = "" if user.has_usable_password() else page("reset-password")
    return _mail("approved", user, reason=reason, link=f"{options().link_url}/", reset_link=reset_link)


def rejected(user: User, *, reason: str = "") -> Mail:
    """The decision and its reason."""
    return _mail("rejected", user, reason=reason)


def suspended(user: User, *, reason: str = "", until: str = "") -> Mail:
    """The suspension, its reason and, where it has one, its end."""
    return _mail("suspended", user, reason=reason, until=parse_datetime(until) if until else None)


def reactivated(user: User, *, reason: str = "") -> Mail:
    """The account works again."""
    return _mail("reactivated", user, reason=reason, link=f"{options().link_url}/")


def deactivated(user: User, *, reason: str = "") -> Mail:
    """The account was closed."""
    return _mail("deactivated", user, reason=reason)


def second_factor_set_up(user: User, *, at: str = "", ip_address: str = "", own: str = "") -> Mail:
    """Signing in asks for a code now: news for whoever did not set it up."""
    return _second_factor("second_factor_set_up", user, at=at, ip_address=ip_address, own=own)


def second_factor_removed(user: User, *, at: str = "", ip_address: str = "", own: str = "") -> Mail:
    """Signing in asks for no code any more."""
    return _second_factor("second_factor_removed", user, at=at, ip_address=ip_address, own=own)


def recovery_codes_made(user: User, *, at: str = "", ip_address: str = "", own: str = "") -> Mail:
    """The recovery codes are other ones."""
    return _second_factor("recovery_codes_made", user, at=at, ip_address=ip_address, own=own)


def recovery_code_used(user: User, *, left: str, at: str = "", ip_address: str = "", own: str = "") -> Mail:
    """A recovery code let somebody in, or proved them; `left` is how many still work."""
    return _second_factor("recovery_code_used", user, at=at, ip_address=ip_address, own=own, left=int(left))


def wrong_codes(user: User, *, at: str = "", ip_address: str = "", own: str = "") -> Mail:
    """Somebody gave the right password, and then one wrong code after the other."""
    return _second_factor("wrong_codes", user, at=at, ip_address=ip_address, own=own, link=page("reset-password"))


EMAILS: dict[str, Callable[..., Mail | None]] = {
    email.__name__: email
    for email in (
        verify_email,
        already_registered,
        account_created,
        awaiting_approval,
        approved,
        rejected,
        suspended,
        reactivated,
        deactivated,
        reset_password,
        choose_password,
        password_changed,
        confirm_email,
        address_in_use,
        email_changed,
        email_reverted,
        session_stolen,
        second_factor_set_up,
        second_factor_removed,
        recovery_codes_made,
        recovery_code_used,
        wrong_codes,
    )
}


def link(name: str, token: str) -> str:
    """A link that carries a token, to the front end or to Keystone's own page; never built from a Host header."""
    return f"{page(name)}{quote(token)}/"


def page(name: str) -> str:
    """The address of a page that needs no token."""
    return f"{options().link_url}/{name}/"


def _mint_reserved(user: User, reserved: str, lifetime: timedelta) -> tuple[OneTimeToken | None, str]:
    """The right that was reserved, and a token for it; neither where it has ended."""
    with transaction.atomic():
        now = _locked(user)  # what ends the right holds this lock, too: it comes before or after the token
        right = tokens.reserved(reserved) if now else None
        if right is None:
            return None, ""
        purpose = Purpose(right.purpose)
        return right, mint(purpose=purpose, user=user, email=right.email, lifetime=lifetime, since=right.created_at)


def _locked(user: User) -> User | None:
    """The row as it now is, locked; None where the account has gone, which must not keep others' mails back."""
    try:
        return lock_user(user)
    except UserNotFound:
        return None


def _password_link_lifetime(name: str) -> timedelta:
    return options().password_reset_lifetime if name == "reset_password" else options().email_verification_lifetime


def _password_link(name: str, user: User, reserved: str, **context: Any) -> Mail | None:
    lifetime = _password_link_lifetime(name)
    right, token = _mint_reserved(user, reserved, lifetime)
    if right is None:
        return None
    return _mail(name, user, to=right.email, link=link("reset-password", token), **context, **_works_for(lifetime))


def _mail(template: str, user: User, *, to: str = "", **context: Any) -> Mail:
    """A mail to the account's address, or to another one.

    It greets by name only at an address that is the account's and proved: anywhere else the name is what a stranger
    typed, and would be their message to somebody else in a mail of ours.
    """
    to = to or user.email
    is_own = user.email_verified_at is not None and to == user.email
    return Mail(template=template, to=to, context={"name": user.get_short_name() if is_own else "", **context})


def _second_factor(template: str, user: User, *, at: str, ip_address: str, own: str, **context: Any) -> Mail:
    moment = parse_datetime(at) if at else None
    around: dict[str, Any] = {"at": moment, "ip_address": ip_address, "own": own, "link": f"{options().link_url}/"}
    return _mail(template, user, **(around | context))


def _works_for(lifetime: timedelta) -> dict[str, Any]:
    """How long a link works, in the largest unit that is whole: `days`, `hours` or `minutes`."""
    minutes = max(1, int(lifetime.total_seconds() // 60))
    if minutes % (24 * 60) == 0:
        return {"days": minutes // (24 * 60)}
    return {"hours": minutes // 60} if minutes % 60 == 0 else {"minutes": minutes}
