"""Audit events in words: what happened and what changed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.translation import gettext, gettext_noop

from keystone.audit.models import AuditEvent
from keystone.text import EMPTY

ACTIONS = {
    "user.signed_in": gettext_noop("Signed in"),
    "user.registered": gettext_noop("Registered"),
    "user.created": gettext_noop("Account created"),
    "user.email_verified": gettext_noop("Email verified"),
    "user.approved": gettext_noop("Approved"),
    "user.rejected": gettext_noop("Rejected"),
    "user.approval_undone": gettext_noop("Approval undone"),
    "user.rejection_undone": gettext_noop("Rejection undone"),
    "user.reopened": gettext_noop("Rejection withdrawn"),
    "user.suspended": gettext_noop("Suspended"),
    "user.reactivated": gettext_noop("Reactivated"),
    "user.deactivated": gettext_noop("Deactivated"),
    "user.changed": gettext_noop("Names changed"),
    "user.access_end_changed": gettext_noop("End of access changed"),
    "user.settings_changed": gettext_noop("Settings changed"),
    "user.data_exported": gettext_noop("Personal data exported"),
    "user.erased": gettext_noop("Erased"),
    "user.registration_expired": gettext_noop("Registration expired"),
    "user.roles_changed": gettext_noop("Roles changed"),
    "user.password_set": gettext_noop("Password set by an administrator"),
    "user.password_changed": gettext_noop("Password changed"),
    "user.password_reset": gettext_noop("Password reset by a link"),
    "user.email_change_asked": gettext_noop("Change of email address requested"),
    "user.email_changed": gettext_noop("Email address changed"),
    "user.gave_way": gettext_noop("Removed: somebody else verified the address"),
    "user.email_reverted": gettext_noop("Change of email address reverted"),
    "user.session_ended": gettext_noop("Session revoked"),
    "user.sessions_ended": gettext_noop("All sessions revoked"),
    "user.session_stolen": gettext_noop("Session revoked: its token was used twice"),
    "user.second_factor_set_up": gettext_noop("Two-factor sign-in set up"),
    "user.second_factor_removed": gettext_noop("Two-factor sign-in removed"),
    "user.recovery_codes_made": gettext_noop("New recovery codes created"),
    "user.recovery_code_used": gettext_noop("Recovery code used"),
    "user.second_factor_set_up_ended": gettext_noop("Set-up of two-factor sign-in cancelled"),
    "user.wrong_code": gettext_noop("Wrong code after a correct password"),
    "rate_limit.reset": gettext_noop("Rate limit reset"),
    "task.retried": gettext_noop("Task retried"),
    "task.cancelled": gettext_noop("Task cancelled"),
    "task.stop_requested": gettext_noop("Running task asked to stop"),
    "task.discarded": gettext_noop("Failed task discarded"),
    "mail.resent": gettext_noop("Mail sent again"),
    "mail.tested": gettext_noop("Test mail sent"),
    "suppression.lifted": gettext_noop("Suppression of an email address lifted"),
    "job.paused": gettext_noop("Scheduled job paused"),
    "job.resumed": gettext_noop("Scheduled job resumed"),
    "job.run_requested": gettext_noop("Scheduled job run manually"),
    "job.deleted": gettext_noop("Scheduled job deleted with its history"),
    "users.exported": gettext_noop("People exported"),
    "audit.archived": gettext_noop("Month of the audit log archived"),
    "audit.exported": gettext_noop("Audit log exported"),
    "database_mark.removed": gettext_noop("Production mark removed from the database"),
    "saved_reason.created": gettext_noop("Saved reason created"),
    "saved_reason.changed": gettext_noop("Saved reason changed"),
    "saved_reason.deleted": gettext_noop("Saved reason deleted"),
    "group.created": gettext_noop("Group created"),
    "group.changed": gettext_noop("Group changed"),
    "group.deleted": gettext_noop("Group deleted"),
}
LABELS = {
    "approval_notices": gettext_noop("notifications of waiting people"),
    "attempts": gettext_noop("attempts"),
    "counted_by": gettext_noop("counted by"),
    "device": gettext_noop("device"),
    "mark": gettext_noop("mark"),
    "session": gettext_noop("session"),
    "runs": gettext_noop("runs"),
    "next_attempt_at": gettext_noop("next attempt"),
    "state": gettext_noop("state"),
    "events": gettext_noop("events"),
    "sha256": gettext_noop("SHA-256"),
    "filters": gettext_noop("filters"),
    "groups": gettext_noop("groups"),
    "permissions": gettext_noop("permissions"),
    "user_permissions": gettext_noop("permissions of their own"),
}


@dataclass(frozen=True)
class Change:
    """A changed field, for display."""

    label: str
    before: str
    after: str


def action_in_words(action: str) -> str:
    """Return the action in words; an unknown action is returned as it is."""
    return gettext(ACTIONS[action]) if action in ACTIONS else action


def changes_in_words(event: AuditEvent) -> Iterator[Change]:
    """Yield the changes of an event, with the labels and choices of the model's fields."""
    try:
        model = apps.get_model("keystone", event.target_type)
    except LookupError:
        model = None
    for name, change in event.changes.items():
        before, after = change if isinstance(change, list) and len(change) == 2 else (None, change)
        field: Any = None
        if model is not None:
            try:
                field = model._meta.get_field(name)
            except FieldDoesNotExist:
                field = None
        label = gettext(LABELS[name]) if name in LABELS else getattr(field, "verbose_name", name.replace("_", " "))
        yield Change(str(label), _in_words(field, before), _in_words(field, after))


def _in_words(field: Any, value: Any) -> str:
    if value is None or value in ("", []):
        return EMPTY
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    choices = dict(getattr(field, "flatchoices", None) or ())
    if value in choices:
        return str(choices[value])
    try:
        moment = parse_datetime(value) if isinstance(value, str) and "T" in value else None
    except ValueError:
        moment = None
    return f"{date_format(moment, 'DATETIME_FORMAT')} UTC" if moment else str(value)
