"""Facts about a user for `user list` and `user show`."""

from collections.abc import Iterator
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext

from keystone.accounts.models import User
from keystone.audit.models import AuditEvent
from keystone.audit.words import action_in_words
from keystone.console.moments import in_full
from keystone.mail.models import OutgoingMail
from keystone.mail.suppression import normalized, suppressed
from keystone.sessions.models import Session
from keystone.text.devices import device_name
from keystone.text.look_alikes import remark_on_address, remark_on_name, with_remark
from keystone.throttling.reset import limits_of
from keystone.two_factor.enrolment import SETUP_LIFETIME, is_required_of
from keystone.two_factor.models import Authenticator, RecoveryCode

EVENTS = 10
MOST = 50  # sessions, and queued mails


def facts_in_short(user: User) -> dict[str, Any]:
    """Return basic facts from the user's row, without further queries."""
    return {
        "id": user.pk,
        "email": user.email,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "status": user.status,
        "is_staff": user.is_staff,
        "is_superuser": user.is_superuser,
        "email_verified_at": user.email_verified_at,
        "created_at": user.created_at,
        "last_login": user.last_login,
    }


def facts_in_full(user: User) -> dict[str, Any]:
    """Return everything that is useful for support, with a few queries of bounded size."""
    own = user.user_permissions.order_by("content_type__app_label", "codename")
    return {
        **facts_in_short(user),
        "status_since": user.status_changed_at,
        "status_reason": user.status_reason,
        "suspended_until": user.suspended_until,
        "approval_flow": user.approval_flow,
        "awaiting_since": user.awaiting_since,
        "decided_at": user.decided_at,
        "rejection_count": user.rejection_count,
        "access_ends_at": user.access_ends_at,
        "erased_at": user.erased_at,
        "updated_at": user.updated_at,
        "has_password": user.has_usable_password(),
        "groups": list(user.groups.order_by("name").values_list("name", flat=True)),
        "permissions": [".".join(pair) for pair in own.values_list("content_type__app_label", "codename")],
        "two_factor": _two_factor(user),
        "refused_until": limits_of(user).refusing().order_by("-ends_at").values_list("ends_at", flat=True).first(),
        "is_suppressed": normalized(user.email) in suppressed([normalized(user.email)]),
        "sessions": list(_sessions(user)),
        "mails_waiting": list(
            OutgoingMail.objects.queued()
            .filter(user=user)
            .order_by("created_at", "id")
            .values("id", "template", "recipient", "created_at", "attempts", "next_attempt_at", "last_error")[:MOST]
        ),
        "events": list(
            AuditEvent.objects.filter(target_type="user", target_id=str(user.pk))
            .order_by("-created_at", "-id")
            .values("id", "created_at", "action", "actor_kind", "actor_label", "reason", "note")[:EVENTS]
        ),
    }


def roles_in_words(user: User) -> str:
    """Return the user's role: superuser, staff, or neither."""
    if user.is_superuser:
        return gettext("superuser")
    return gettext("staff") if user.is_staff else gettext("no role")


def pairs_of(user: User, facts: dict[str, Any]) -> Iterator[tuple[str, str | None]]:
    """Yield the labels and values of those facts of `facts_in_full` that fit into one line."""
    status = f"{user.get_status_display()} ({gettext('since %(when)s') % {'when': in_full(user.status_changed_at)}})"
    yield gettext("Address"), with_remark(user.email, remark_on_address(user.email))
    name = f"{user.first_name} {user.last_name}".strip()
    yield gettext("Name"), with_remark(name, remark_on_name(name)) or None
    yield gettext("Id"), str(user.pk)
    yield gettext("Status"), status
    yield gettext("Reason given"), user.status_reason or None
    yield gettext("Suspended until"), in_full(user.suspended_until)
    yield gettext("Flow"), str(user.flow.label)
    yield gettext("Email verified"), in_full(user.email_verified_at) or gettext("no")
    suppressed_because = gettext("suppressed after a bounce or a complaint")
    yield gettext("Mail"), suppressed_because if facts["is_suppressed"] else None
    yield gettext("Waiting since"), in_full(user.awaiting_since) if user.is_pending else None
    yield gettext("Last decision"), in_full(user.decided_at)
    yield gettext("Previous rejections"), str(user.rejection_count) if user.rejection_count else None
    yield gettext("Access ends"), in_full(user.access_ends_at)
    yield gettext("Erased"), in_full(user.erased_at)
    yield gettext("Created"), in_full(user.created_at)
    yield gettext("Last sign-in"), in_full(user.last_login) or gettext("never")
    yield gettext("Role"), roles_in_words(user)
    yield gettext("Groups"), ", ".join(facts["groups"]) or None
    yield gettext("Own permissions"), ", ".join(facts["permissions"]) or None
    yield gettext("Password"), None if facts["has_password"] else gettext("none")
    yield gettext("Two-factor sign-in"), _two_factor_in_words(facts["two_factor"])
    yield gettext("Blocked until"), _refused_in_words(facts["refused_until"])


def events_in_words(facts: dict[str, Any]) -> list[list[str | None]]:
    """Return the last events as rows: when, what, who, and the reason and note."""
    return [
        [
            in_full(event["created_at"]),
            action_in_words(event["action"]),
            event["actor_label"],
            " / ".join(filter(None, (event["reason"], event["note"]))),
        ]
        for event in facts["events"]
    ]


def _two_factor(user: User) -> dict[str, Any]:
    factor = Authenticator.objects.confirmed_of(user).first()
    since = timezone.now() - SETUP_LIFETIME
    return {
        "is_on": factor is not None,
        "since": factor.confirmed_at if factor else None,
        "last_used_at": factor.last_used_at if factor else None,
        "recovery_codes": RecoveryCode.objects.unused(user).count(),
        "is_being_set_up": Authenticator.objects.begun_of(user, since=since).exists(),
        "is_required": is_required_of(user),
    }


def _two_factor_in_words(state: dict[str, Any]) -> str:
    if state["is_on"]:
        values = {"since": in_full(state["since"]), "count": state["recovery_codes"]}
        return gettext("on since %(since)s, %(count)d recovery codes left") % values
    if state["is_being_set_up"]:
        return gettext("being set up")
    return gettext("off, although it is required") if state["is_required"] else gettext("off")


def _refused_in_words(until: Any) -> str | None:
    return f"{in_full(until)} ({gettext('too many attempts; see user reset-limits')})" if until else None


def _sessions(user: User) -> Iterator[dict[str, Any]]:
    for session in Session.objects.live().filter(user=user)[:MOST]:
        yield {
            "id": session.pk,
            "device": device_name(session.user_agent),
            "ip_address": session.ip_address,
            "created_at": session.created_at,
            "last_used_at": session.last_used_at,
            "expires_at": session.expires_at,
        }
