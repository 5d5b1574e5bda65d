"""Create accounts: people register, administrators and commands create."""

from typing import Any

from django.contrib.auth.hashers import check_password, get_hasher, identify_hasher, make_password
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from keystone import email_address
from keystone.accounts import signals
from keystone.accounts.authority import ROLES, refuse_to_grant
from keystone.accounts.editing import SuperuserIsStaff
from keystone.accounts.emails import queue_email, queue_registration_email
from keystone.accounts.hooks import approvers_hear
from keystone.accounts.managers import creates_users
from keystone.accounts.models import User
from keystone.accounts.names import validate_name
from keystone.accounts.send_signals import send_signal
from keystone.accounts.status import ApprovalFlow, Status
from keystone.accounts.tokens import OneTimeToken, Purpose
from keystone.actors.acting import lock_actor
from keystone.actors.actor import Actor
from keystone.audit.log import event, record
from keystone.audit.models import AuditEvent
from keystone.caching.versions import changed
from keystone.conf import options
from keystone.exceptions import Refusal
from keystone.observability.origin import current_origin
from keystone.passwords.hashing_slots import hashing_slots
from keystone.throttling.limits import count_request

TRIES = 5  # of an INSERT, if the email address is freed again and again right after it was found taken
HELD = "The address is held for an account that may take it back."


class AddressTaken(Refusal):
    """Another account has this email address. Registration never reports this."""

    code = "address_taken"
    message = _("A person with this email address already exists.")


def register_user(*, email: str, password: str, first_name: str = "", last_name: str = "") -> None:
    """Register a person with the current default approval flow, which is stored on the account.

    Nothing that is returned or raised reveals whether the email address had an account: its owner is told by email.
    Either way, a registration costs one password hash and at most one email.

    Args:
        email: the email address as typed; it must be valid.
        password: a password that the validators accepted.

    Raises:
        ValidationError: `email` can't receive mail, or a name is invalid.
        TooManyAttempts: too many requests came from this IP address.
        HashingBusy: too many passwords are being hashed at the moment.
    """
    for name in (first_name, last_name):
        validate_name(name)
    email_address.require_deliverable(email)
    with hashing_slots().reserved_slot():
        count_request()
        seen: User | None = User.objects.with_email(email).first()
        hashed, same = _hash_or_compare(password, seen)
    flow = ApprovalFlow.parse(options().default_user_approval_flow)
    held = _is_held(email)
    user = User(email=email, password=hashed, first_name=first_name, last_name=last_name, approval_flow=flow)
    for tried in range(1, TRIES + 1):
        user.set_status(flow.next_status(verified=False), at=timezone.now())
        with transaction.atomic():
            taken = _insert_registered(user, held=held or not hashed)
            if taken is None:
                _note_registered(user)
                return
            if _register_again(email, password, seen=seen, same=same) or held:
                queue_registration_email(email, otherwise="already_registered")
                changed(User, AuditEvent)  # nothing has, but the commit costs the same as that of a new account
                return
        if tried == TRIES:
            raise taken  # not because of the email address; an error must not look like a registration
        hashed = user.password = hashed or make_password(password)  # the email address was freed meanwhile


def _insert_registered(user: User, *, held: bool) -> IntegrityError | None:
    """Insert the account of somebody who registers. Return the error if the email address is taken or held.

    A held address is inserted and rolled back, so that it costs the same as a taken one.
    """
    try:
        with transaction.atomic():
            user.save(force_insert=True)
            transaction.set_rollback(held)
    except IntegrityError as error:
        return error
    return IntegrityError(HELD) if held else None


def _note_registered(user: User) -> None:
    person = Actor.person(user)
    changes = {"status": [None, user.status], **_device()}
    record([event("user.registered", user, by=person, changes=changes)])
    queue_registration_email(user.email)
    if user.status == Status.PENDING_ADMIN_APPROVAL:
        approvers_hear("person_waits", [user], by=person)
    send_signal(signals.user_registered, user, by=person)


def _device() -> dict[str, Any]:
    """Return the device that the person registers with, for approvers. The audit event has the IP address."""
    device = current_origin().user_agent
    return {"device": [None, device]} if device else {}


def _register_again(email: str, password: str, *, seen: User | None, same: bool) -> bool:
    """Handle the registration of an email address that already has an account. Call it in a transaction.

    The caller queues an email to the owner, as for a new registration, so that the response takes the same time.

    Whoever registered first need not be the owner. While the email address is unverified, a registration with another
    password removes the first one and doesn't set its own: the person who reads the email chooses one. The same
    password means that somebody sent the form twice.

    Returns:
        Whether the email address has an account; if not, it has just been freed.
    """
    user: User | None = User.objects.with_email(email).select_for_update(no_key=True).first()
    if user is None:
        return False
    if seen is None or seen.password != user.password:
        _, same = _hash_or_compare(password, user)  # two registrations at the same time
    if user.is_unclaimed and not same:
        User.objects.filter(pk=user.pk).update(password=make_password(None), updated_at=timezone.now())
    return True


def _is_held(email: str) -> bool:
    """Return whether an account recently had this email address and may take it back. Until then nobody can take it."""
    rights = OneTimeToken.objects.filter(purpose=Purpose.REVERT_EMAIL, used_at__isnull=True, expires_at__gt=Now())
    return rights.filter(email_normalized=email_address.normalize(email)).exists()


def refuse_taken(email: str) -> None:
    """Refuse an email address that is taken in any spelling or may be taken back, before asking for more.

    Raises:
        ValidationError: the email address can't receive mail.
        AddressTaken: another account has it, or may take it back.
    """
    email_address.require_deliverable(email)
    if _is_held(email) or User.objects.with_email(email).exists():
        raise AddressTaken(fields={"email": [str(AddressTaken.message)]})


def _hash_or_compare(password: str, seen: User | None) -> tuple[str, bool]:
    """Hash the password of a new account, or compare it with that of an unclaimed one. Both cost one hash.

    An imported hash may take another time: it counts as that of another password.

    Returns:
        The hash, empty if the password was compared, and whether the account has this password.
    """
    if seen is None or not seen.is_unclaimed or not _is_like_new(seen.password):
        return make_password(password), False
    return "", check_password(password, seen.password)


def _is_like_new(hashed: str) -> bool:
    """Return whether a hash is made as that of a new password would be, so that comparing costs the same."""
    try:
        hasher = identify_hasher(hashed)
    except ValueError:
        return False  # unusable
    return hasher.algorithm == get_hasher().algorithm and not hasher.must_update(hashed)


@creates_users
def create_user(
    *,
    email: str,
    by: Actor,
    password: str | None = None,
    first_name: str = "",
    last_name: str = "",
    is_staff: bool = False,
    is_superuser: bool = False,
    email_verified: bool = False,
    notify: bool = True,
) -> User:
    """Create an active account on the authority of `by`.

    Args:
        email: the email address as typed.
        by: who creates it. Only superusers, commands, jobs and the system may create staff and superusers.
        password: None creates an account that nobody can sign in to until a password is set.
        first_name, last_name: the names, which must not contain a message to others (see `names.validate_name`).
        email_verified: whether the email address counts as verified.
        notify: whether to email the person.

    Raises:
        ValidationError: `email` can't receive mail, or a name is invalid.
        AddressTaken: another account has the email address, or may take it back.
        ProtectedAccount: `by` may not create staff or superusers.
        SuperuserIsStaff: a superuser must be staff.
        AccessEnded, PermissionLost: `by` may not act any more (see `actors.acting`).
        HashingBusy: too many passwords are being hashed at the moment.
    """
    for name in (first_name, last_name):
        validate_name(name)
    email_address.require_deliverable(email)
    if is_staff or is_superuser:
        refuse_to_grant(by)
    if _is_held(email):
        raise AddressTaken(fields={"email": [str(AddressTaken.message)]})
    if is_superuser and not is_staff:
        raise SuperuserIsStaff(fields={"is_staff": [str(SuperuserIsStaff.message)]})
    now = timezone.now()
    user = User(
        email=email,
        password=make_password(password),  # before the transaction, which checks `by` after this wait
        first_name=first_name,
        last_name=last_name,
        is_staff=is_staff,
        is_superuser=is_superuser,
        email_verified_at=now if email_verified else None,
        approval_flow=ApprovalFlow.NONE,
    )
    user.set_status(Status.ACTIVE, at=now)
    _insert(user, by=by, notify=notify)
    return user


@transaction.atomic
def _insert(user: User, *, by: Actor, notify: bool) -> None:
    lock_actor(by)
    if user.is_staff:
        refuse_to_grant(by)
    for tried in range(1, TRIES + 1):
        try:
            with transaction.atomic():
                user.save(force_insert=True)
            break
        except IntegrityError as error:
            if User.objects.with_email(user.email).exists():
                raise AddressTaken(fields={"email": [str(AddressTaken.message)]}) from error
            if tried == TRIES:
                raise
    changes: dict[str, Any] = {"status": [None, user.status]}
    for role in ROLES:
        if getattr(user, role):
            changes[role] = [False, True]
    record([event("user.created", user, by=by, changes=changes)])
    if notify:
        queue_email("account_created", [user.pk], key="made")
    send_signal(signals.user_created, user, by=by)
