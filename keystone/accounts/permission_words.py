"""The permissions in use, described in plain words. Django creates four for every model."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Permission
from django.db.models import Q, QuerySet
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

# Apps whose own permissions neither the admin nor the API checks.
FRAMEWORKS = ("admin", "auth", "contenttypes", "django_apscheduler", "procrastinate", "sessions")
ELSEWHERE = _("In the admin, and wherever else this permission is checked.")

DECISIONS, PEOPLE, SIGN_IN = _("Decisions"), _("People"), _("Sessions and limits")
MAIL, OPERATIONS, RECORD = _("Mail"), _("Operations"), _("Audit")


@dataclass(frozen=True)
class Words:
    """The subject of a permission, its title, and one sentence that says what it allows."""

    subject: str | Promise
    title: str | Promise
    sentence: str | Promise


WORDS: dict[str, Words] = {
    "keystone.approve_user": Words(
        DECISIONS, _("Approve and reject"), _("See who is waiting, decide on them, and withdraw rejections.")
    ),
    "keystone.view_savedreason": Words(
        DECISIONS, _("See saved reasons"), _("See the list. Approvers can choose from it without this permission.")
    ),
    "keystone.add_savedreason": Words(DECISIONS, _("Add saved reasons"), _("Save new reasons for all approvers.")),
    "keystone.change_savedreason": Words(
        DECISIONS, _("Change saved reasons"), _("Change their texts. Past decisions are not affected.")
    ),
    "keystone.delete_savedreason": Words(DECISIONS, _("Delete saved reasons"), _("Remove them from the list.")),
    "keystone.view_user": Words(
        PEOPLE, _("See people"), _("Find people, and see their accounts and history; also through the API.")
    ),
    "keystone.add_user": Words(
        PEOPLE, _("Add people"), _("Create active accounts without approval. Only superusers can create staff.")
    ),
    "keystone.change_user": Words(
        PEOPLE, _("Change people"), _("Correct names and set when access ends; not for staff.")
    ),
    "keystone.suspend_user": Words(
        PEOPLE, _("Suspend, deactivate, reactivate"), _("Lock people out and let them back in; not staff.")
    ),
    "keystone.export_user": Words(
        PEOPLE, _("Export people"), _("Download the list as a file, and everything that is stored about one person.")
    ),
    "keystone.erase_user": Words(
        PEOPLE, _("Erase people"), _("Delete everything that identifies a person. This cannot be undone.")
    ),
    "auth.view_group": Words(
        PEOPLE, _("See groups"), _("See the groups and their permissions. Only superusers can change them.")
    ),
    "keystone.view_session": Words(SIGN_IN, _("See sessions"), _("See where and with which device people signed in.")),
    "keystone.end_session": Words(SIGN_IN, _("End sessions"), _("Sign people out, on one device or on all.")),
    "keystone.view_attemptwindow": Words(
        SIGN_IN, _("See rate limits"), _("See who is blocked after too many attempts.")
    ),
    "keystone.reset_attemptwindow": Words(SIGN_IN, _("Reset rate limits"), _("Let them try again at once.")),
    "keystone.view_outgoingmail": Words(
        MAIL, _("See mails"), _("See which mails were sent to whom, and whether they arrived; not the links in them.")
    ),
    "keystone.send_outgoingmail": Words(
        MAIL, _("Send mails again"), _("Send failed mails again, send test mails, and lift suppressions.")
    ),
    "keystone.view_suppressedaddress": Words(
        MAIL, _("See suppressed addresses"), _("See which email addresses are suppressed, and why.")
    ),
    "keystone.view_task": Words(OPERATIONS, _("See tasks"), _("See what runs in the background, and what failed.")),
    "keystone.handle_task": Words(OPERATIONS, _("Manage tasks"), _("Retry, cancel and discard tasks.")),
    "keystone.view_scheduledjob": Words(OPERATIONS, _("See scheduled jobs"), _("See what runs when.")),
    "keystone.pause_scheduledjob": Words(OPERATIONS, _("Pause scheduled jobs"), _("Pause and resume them.")),
    "keystone.run_scheduledjob": Words(OPERATIONS, _("Run scheduled jobs"), _("Run a job now.")),
    "keystone.view_scheduledrun": Words(OPERATIONS, _("See job runs"), _("See when jobs ran, and with what result.")),
    "keystone.view_datarun": Words(OPERATIONS, _("See data runs"), _("See what was imported, seeded and run.")),
    "keystone.view_auditevent": Words(
        RECORD, _("See the audit log"), _("See who did what to whom, from where and why, including internal notes.")
    ),
    "keystone.export_auditevent": Words(RECORD, _("Export the audit log"), _("Download it as a file.")),
}
_ORDER = {code: place for place, code in enumerate(WORDS)}
_VERBS = {
    "add": _("Add %(things)s"),
    "change": _("Change %(things)s"),
    "delete": _("Delete %(things)s"),
    "view": _("See %(things)s"),
}


def meaningful() -> QuerySet[Permission]:
    """Return the permissions that are checked somewhere: the core's, and those of the project's own models."""
    kept = ~Q(content_type__app_label__in=FRAMEWORKS) | Q(content_type__app_label="auth", codename="view_group")
    return Permission.objects.filter(kept).select_related("content_type")


def code_of(permission: Permission) -> str:
    """Return the permission as `has_perm` takes it."""
    return f"{permission.content_type.app_label}.{permission.codename}"


def words_of(permission: Permission) -> Words:
    """Return a permission in words. Those of other models are described by the names of their app and model."""
    code = code_of(permission)
    if code in WORDS:
        return WORDS[code]
    model: Any = permission.content_type.model_class()
    if model is None:
        return Words(permission.content_type.app_label, permission.name, gettext("Its model no longer exists."))
    verb = next((word for word in _VERBS if permission.codename == f"{word}_{model._meta.model_name}"), "")
    subject = capfirst(model._meta.app_config.verbose_name)
    things = {"things": model._meta.verbose_name_plural}
    return Words(subject, _VERBS[verb] % things if verb else gettext(permission.name), ELSEWHERE)


def in_groups(permissions: QuerySet[Permission]) -> list[tuple[str, list[tuple[Permission, Words]]]]:
    """Return the permissions by subject: the core's in the order above, then those of other apps."""
    rows = sorted(
        ((permission, words_of(permission)) for permission in permissions),
        key=lambda row: (_ORDER.get(code_of(row[0]), len(_ORDER)), str(row[1].subject), str(row[1].title)),
    )
    groups: dict[str, list[tuple[Permission, Words]]] = {}
    for permission, words in rows:
        groups.setdefault(str(words.subject), []).append((permission, words))
    return list(groups.items())
