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
ELSEWHERE = _("In the admin, and wherever else this product checks it.")

DECISIONS, PEOPLE, SIGN_IN = _("Decisions"), _("People"), _("Sessions and limits")
MAIL, OPERATIONS, RECORD = _("Mail"), _("Operations"), _("Record")


@dataclass(frozen=True)
class Words:
    """The subject of a permission, its title, and one sentence that says what it allows."""

    subject: str | Promise
    title: str | Promise
    sentence: str | Promise


WORDS: dict[str, Words] = {
    "keystone.approve_user": Words(
        DECISIONS, _("Approve and reject"), _("Sees who waits, decides on them, and takes rejections back.")
    ),
    "keystone.view_savedreason": Words(
        DECISIONS, _("See saved reasons"), _("Sees the list. Whoever decides can choose from it without this.")
    ),
    "keystone.add_savedreason": Words(DECISIONS, _("Add saved reasons"), _("Saves new reasons for everybody.")),
    "keystone.change_savedreason": Words(
        DECISIONS, _("Change saved reasons"), _("Changes their texts. Decisions that were made stay as they are.")
    ),
    "keystone.delete_savedreason": Words(DECISIONS, _("Delete saved reasons"), _("Takes them off the list.")),
    "keystone.view_user": Words(
        PEOPLE, _("See people"), _("Finds everybody, and sees their account and its history; also over the API.")
    ),
    "keystone.add_user": Words(
        PEOPLE, _("Add people"), _("Makes active accounts, without approval. Only superusers make staff.")
    ),
    "keystone.change_user": Words(
        PEOPLE, _("Change people"), _("Corrects names and sets the end of access; never of staff.")
    ),
    "keystone.suspend_user": Words(
        PEOPLE, _("Suspend, deactivate, reactivate"), _("Locks people out and lets them in again; never staff.")
    ),
    "keystone.export_user": Words(
        PEOPLE, _("Export people"), _("Takes the list away as a file, and everything that is held about one person.")
    ),
    "keystone.erase_user": Words(
        PEOPLE, _("Erase people"), _("Takes away for good what tells who somebody was. There is no way back.")
    ),
    "auth.view_group": Words(
        PEOPLE, _("See groups"), _("Sees the groups and what they allow. Only superusers change them.")
    ),
    "keystone.view_session": Words(SIGN_IN, _("See sessions"), _("Sees where and with which device people signed in.")),
    "keystone.end_session": Words(SIGN_IN, _("End sessions"), _("Signs people out, on one device or on all.")),
    "keystone.view_attemptwindow": Words(
        SIGN_IN, _("See rate limits"), _("Sees who is held back after too many attempts.")
    ),
    "keystone.lift_attemptwindow": Words(SIGN_IN, _("Reset rate limits"), _("Lets them try again at once.")),
    "keystone.view_outgoingmail": Words(
        MAIL, _("See mails"), _("Sees which mails went to whom and what came of them; not the links in them.")
    ),
    "keystone.send_outgoingmail": Words(
        MAIL, _("Send mails again"), _("Sends failed mails again, sends tests, and lifts suppressions.")
    ),
    "keystone.view_suppressedaddress": Words(
        MAIL, _("See suppressed addresses"), _("Sees which email addresses get no mail, and why.")
    ),
    "keystone.view_task": Words(OPERATIONS, _("See tasks"), _("Sees what works in the background, and what failed.")),
    "keystone.handle_task": Words(OPERATIONS, _("Handle tasks"), _("Tries tasks again, cancels and discards them.")),
    "keystone.view_scheduledjob": Words(OPERATIONS, _("See scheduled jobs"), _("Sees what runs when.")),
    "keystone.pause_scheduledjob": Words(OPERATIONS, _("Pause scheduled jobs"), _("Pauses and resumes them.")),
    "keystone.run_scheduledjob": Words(OPERATIONS, _("Run scheduled jobs"), _("Runs one now, by hand.")),
    "keystone.view_scheduledrun": Words(OPERATIONS, _("See job runs"), _("Sees when jobs ran and how it ended.")),
    "keystone.view_datarun": Words(OPERATIONS, _("See data runs"), _("Sees what was imported, seeded and run.")),
    "keystone.view_auditevent": Words(
        RECORD, _("See the audit log"), _("Sees who did what to whom, from where and why, with every note.")
    ),
    "keystone.export_auditevent": Words(RECORD, _("Export the audit log"), _("Takes it away as a file.")),
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
        return Words(permission.content_type.app_label, permission.name, gettext("Its model has gone."))
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
