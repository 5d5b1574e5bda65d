"""The emails to approvers. What they list is read when they are sent.

The people in them may have typed anything as their name, and any email address. A name is shown if it can't be anything
else, an email address if it is verified.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from keystone.accounts.emails.building import mail_to
from keystone.accounts.emails.samples import AT, LINK, NAME
from keystone.accounts.managers import UserQuerySet
from keystone.accounts.models import User
from keystone.accounts.preferences import ApprovalNotices
from keystone.approval.notices.digests import DAY, left_between, waiting_too_long
from keystone.approval.notices.recipients import APPROVE, SUSPEND, is_told, may
from keystone.approval.notices.telling import NEWS, NOTICES, still_so
from keystone.approval.notices.unsubscribing import unsubscribe_url
from keystone.conf import options
from keystone.mail.models import MailState, OutgoingMail
from keystone.mail.outgoing import Mail
from keystone.mail.registry import email
from keystone.mail.rendering import as_name
from keystone.text.look_alikes import remark_on_address, remark_on_name, with_remark

LISTED = 20  # people in one mail
COUNTED = 1_000  # nobody reads further, and the table may be long
ADDRESS_LENGTH = 100  # characters

PERSON = {"person": "Grace Hopper", "address": "grace@example.com", "since": AT}
BY_CHOICE = {"settings_link": LINK, "link": LINK}
PEOPLE = {"people": [PERSON, {**PERSON, "person": "", "address": ""}], "count": 31, "is_more": False, "unlisted": 29}
LEFT = {"left": [PERSON], "left_count": 3, "left_is_more": False, "left_unlisted": 2}


@email(label=_("To approvers: somebody is waiting"), sample={**NAME, **PERSON, **BY_CHOICE})
def person_waits(user: User, *, person: str, since: str) -> Mail | None:
    """Return the notice that a person waits for a decision. The link opens them in the admin, after signing in.

    Args:
        user: the approver.
        person: the primary key of the person.
        since: when they began to wait; nothing is sent if they don't wait any more, or wait anew.
    """
    return _about(user, "person_waits", person, since, page="awaitingdecision_change")


@email(label=_("To administrators: somebody closed their account"), sample={**NAME, **PERSON, **BY_CHOICE})
def person_left(user: User, *, person: str, since: str) -> Mail | None:
    """Return the notice that a person deactivated their own account. The arguments are those of `person_waits`."""
    return _about(user, "person_left", person, since, page="user_change")


@email(
    label=_("To approvers: all waiting people, once a day"),
    sample={**NAME, **PEOPLE, **BY_CHOICE, **LEFT, "too_long": 3, "hours": 48},
)
def people_wait(user: User, *, since: str) -> Mail | None:
    """Return the list of everybody who waits or has left since `since` (UTC), or None if there is nobody."""
    if not is_told(user, ApprovalNotices.DIGEST):
        return None
    begun = _moment(since)
    waiting = User.objects.awaiting_approval() if may(user, APPROVE) else User.objects.none()
    gone = left_between(begun, begun + DAY) if may(user, SUSPEND) else User.objects.none()
    left = _people(gone, "status_changed_at")
    found = _listed(waiting)
    if not found["count"] and not left["count"]:
        return None
    too_long = _count(waiting & waiting_too_long(timezone.now()))
    more = {
        "left": left["people"],
        "left_count": left["count"],
        "left_is_more": left["is_more"],
        "left_unlisted": left["unlisted"],
        "too_long": too_long,
        "hours": _reminder_hours(),
    }
    return _to(user, "people_wait", "awaitingdecision_changelist", **found, **more)


@email(label=_("To approvers: people who have waited too long"), sample={**NAME, **PEOPLE, **BY_CHOICE, "hours": 48})
def people_wait_long(user: User) -> Mail | None:
    """Return the list of people who have waited longer than `approval_reminder_after`, or None if there is nobody."""
    if not is_told(user, ApprovalNotices.IMMEDIATE) or not may(user, APPROVE):
        return None
    found = _listed(waiting_too_long(timezone.now()))
    if not found["count"]:
        return None
    return _to(user, "people_wait_long", "awaitingdecision_changelist", **found, hours=_reminder_hours())


@email(label=_("To approvers: further registrations in a busy hour"), sample={**NAME, **PEOPLE, **BY_CHOICE})
def more_people_wait(user: User, *, since: str) -> Mail | None:
    """Return the list of people whom this approver was not notified of in the busy hour since `since` (UTC).

    They may have begun to wait earlier, if no worker ran then.
    """
    if not is_told(user, ApprovalNotices.IMMEDIATE) or not may(user, APPROVE):
        return None
    begun = _moment(since) - NEWS
    before = OutgoingMail.objects.filter(user=user, template="more_people_wait", state=MailState.SENT)
    listed = before.order_by("-created_at").values_list("sent_at", flat=True).first()
    if listed is not None:
        begun = max(begun, listed)  # those who waited by then were in that email
    # A notice is queued shortly after the person began to wait, so an hour of margin is enough.
    mails = OutgoingMail.objects.filter(user=user, template="person_waits", created_at__gte=begun - timedelta(hours=1))
    mentioned = list(mails.values_list("context__person", flat=True))
    found = _listed(User.objects.awaiting_approval().filter(awaiting_since__gte=begun).exclude(pk__in=mentioned))
    return _to(user, "more_people_wait", "awaitingdecision_changelist", **found) if found["count"] else None


def _about(user: User, name: str, person: str, since: str, *, page: str) -> Mail | None:
    notice = NOTICES[name]
    if not is_told(user, ApprovalNotices.IMMEDIATE) or not may(user, notice.permission):
        return None
    found = still_so(notice).filter(pk=person, **{notice.since: _moment(since)}).first()
    if found is None:
        return None
    return _to(user, name, page, found, **_shown(found, notice.since))


def _to(user: User, template: str, page: str, *about: User, **context: Any) -> Mail:
    """Return an email with links to act and to change the notice settings."""
    links = {
        "link": _address(f"keystone_{page}", *(person.pk for person in about)),
        "settings_link": _address("notices"),
    }
    return replace(mail_to(template, user, **links, **context), unsubscribe_url=unsubscribe_url(user))


def _address(name: str, *args: Any) -> str:
    """Return the URL of a page of the admin. It is on this server, even if other links lead to a front end."""
    return options().public_url + reverse(f"admin:{name}", args=args)


def _listed(waiting: UserQuerySet) -> dict[str, Any]:
    return _people(waiting, "awaiting_since")


def _people(people: UserQuerySet, since: str) -> dict[str, Any]:
    """Return the first of these people, earliest first, and how many there are."""
    listed = [_shown(person, since) for person in people.order_by(since, "pk")[:LISTED]]
    count = _count(people) if len(listed) == LISTED else len(listed)
    return {
        "people": listed,
        "count": min(count, COUNTED),
        "is_more": count > COUNTED,
        "unlisted": min(count, COUNTED) - len(listed),
    }


def _shown(person: User, since: str) -> dict[str, Any]:
    """Return what an email shows of a person whom its reader is to decide on."""
    address = Truncator(person.email).chars(ADDRESS_LENGTH) if person.email_verified_at else ""
    name = as_name(f"{person.first_name} {person.last_name}")
    return {
        "person": with_remark(name, remark_on_name(name)),
        "address": with_remark(address, remark_on_address(person.email)),
        "since": getattr(person, since),
    }


def _count(people: UserQuerySet) -> int:
    return int(people.order_by()[: COUNTED + 1].count())


def _reminder_hours() -> int:
    return int(options().approval_reminder_after.total_seconds() // 3600)


def _moment(text: str) -> datetime:
    moment = parse_datetime(text)
    assert moment is not None  # noqa: S101 - it was written by isoformat()
    return moment
