"""The sidebar and the header of the admin."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from keystone.accounts.models import User
from keystone.approval.admin.own_notices import NOTICES, hears_of_people
from keystone.conf import options
from keystone.sign_in.in_browser import SETUP

BADGE_LIMIT = 999
OURS = {"keystone", "auth"}  # models of other apps are listed under the app's name
SAVED_REASONS = "admin:keystone_savedreason_changelist"
QUEUE = "admin:keystone_awaitingdecision_changelist"
TASKS, MAILS = "admin:keystone_task_changelist", "admin:keystone_outgoingmail_changelist"
BADGES = {
    QUEUE: (f"{__name__}.waiting_badge", "primary"),
    TASKS: ("keystone.approval.admin.failures.failed_tasks_badge", "danger"),
    MAILS: ("keystone.approval.admin.failures.failed_mails_badge", "danger"),
}


def project_name(request: HttpRequest) -> str:
    """Return the product's name."""
    return options().project_name


def subtitle(request: HttpRequest) -> str:
    """Return the name of this part of the product."""
    return _("Administration")


def environment(request: HttpRequest) -> list[str] | None:
    """Return a label unless this is production, so that nobody confuses the two."""
    labels = {"local": [_("Local"), "info"], "testing": [_("Testing"), "info"], "staging": [_("Staging"), "warning"]}
    return labels.get(getattr(settings, "ENVIRONMENT", ""))


def title_prefix(request: HttpRequest) -> str | None:
    """Return the same label for the title of the browser tab."""
    label = environment(request)
    return f"[{label[0]}]" if label else None


def waiting_badge(request: HttpRequest) -> str:
    """Return how many people wait for a decision. One query, which counts no further than what is shown."""
    waiting = User.objects.awaiting_approval().order_by()[: BADGE_LIMIT + 1].count()
    if waiting > BADGE_LIMIT:
        return f"{BADGE_LIMIT}+"
    return str(waiting) if waiting else ""


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the groups of links that this viewer may open."""
    # A group's title, then for each link its title, icon, URL or URL name, and permission.
    groups: list[tuple[str, list[tuple[str, str, str, str]]]] = [
        ("", [(_("Dashboard"), "dashboard", "admin:index", "")]),
        (
            _("Decisions"),
            [
                (_("Awaiting decision"), "how_to_reg", QUEUE, "keystone.approve_user"),
                (_("Saved reasons"), "quickreply", SAVED_REASONS, "keystone.view_savedreason"),
            ],
        ),
        (
            _("People"),
            [
                (_("People"), "group", "admin:keystone_user_changelist", "keystone.view_user"),
                (_("Sessions"), "devices", "admin:keystone_session_changelist", "keystone.view_session"),
                (
                    _("Rate limits"),
                    "gpp_maybe",
                    "admin:keystone_attemptwindow_changelist",
                    "keystone.view_attemptwindow",
                ),
                (_("Groups and permissions"), "lock_person", "admin:auth_group_changelist", "auth.view_group"),
            ],
        ),
        (
            _("Audit"),
            [(_("Audit log"), "receipt_long", "admin:keystone_auditevent_changelist", "keystone.view_auditevent")],
        ),
        (
            _("Operations"),
            [
                (_("Background tasks"), "task", TASKS, "keystone.view_task"),
                (_("Mails"), "mail", MAILS, "keystone.view_outgoingmail"),
                (
                    _("Suppressed addresses"),
                    "unsubscribe",
                    "admin:keystone_suppressedaddress_changelist",
                    "keystone.view_suppressedaddress",
                ),
                (
                    _("Scheduled jobs"),
                    "schedule",
                    "admin:keystone_scheduledjob_changelist",
                    "keystone.view_scheduledjob",
                ),
                (_("Job runs"), "history", "admin:keystone_scheduledrun_changelist", "keystone.view_scheduledrun"),
                (_("Imports and scripts"), "dataset", "admin:keystone_datarun_changelist", "keystone.view_datarun"),
            ],
        ),
        (_("API"), [(_("Try the API"), "api", "docs", ""), (_("Reference"), "menu_book", "redoc", "")]),
    ]
    for app in admin.site.get_app_list(request):
        if app["app_label"] not in OURS:
            models = [(str(model["name"]), "database", model["admin_url"], "") for model in app["models"]]
            groups.insert(-1, (str(app["name"]), models))
    shown = []
    for title, links in groups:
        items = [_item(*link) for link in links if not link[-1] or request.user.has_perm(link[-1])]
        if items:
            shown.append({"title": title, "separator": bool(title), "items": items})
    return shown


def _item(title: str, icon: str, name: str, permission: str) -> dict[str, Any]:
    item = {"title": title, "icon": icon, "link": name if name.startswith("/") else reverse(name)}
    badge = BADGES.get(name)
    return item | {"badge": badge[0], "badge_variant": badge[1], "badge_style": "solid"} if badge else item


def account_links(request: HttpRequest) -> list[dict[str, str]]:
    """Return the links in the menu of the signed-in person."""
    links = [{"title": _("Two-factor sign-in"), "link": reverse(SETUP)}]
    if hears_of_people(request.user):
        links.insert(0, {"title": _("My notifications"), "link": reverse(NOTICES)})
    if request.user.is_authenticated and request.user.has_usable_password():
        links.insert(0, {"title": _("Change password"), "link": reverse("admin:password_change")})
    return links
