"""What stands around every page of the admin: the product's name, the environment and the way to each list."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from keystone.accounts.models import User
from keystone.conf import options

BADGE_LIMIT = 999


def project_name(request: HttpRequest) -> str:
    """The product's name."""
    return options().project_name


def subtitle(request: HttpRequest) -> str:
    """What this part of the product is."""
    return _("Administration")


def environment(request: HttpRequest) -> list[str] | None:
    """A label where it is not production, so that nobody takes one for the other."""
    labels = {"local": [_("Local"), "info"], "testing": [_("Testing"), "info"], "staging": [_("Staging"), "warning"]}
    return labels.get(getattr(settings, "ENVIRONMENT", ""))


def title_prefix(request: HttpRequest) -> str | None:
    """The same in the title of the browser's tab."""
    label = environment(request)
    return f"[{label[0]}]" if label else None


def waiting_badge(request: HttpRequest) -> str:
    """How many people wait for a decision: one query, which counts no further than it shows."""
    waiting = User.objects.awaiting_approval().order_by()[: BADGE_LIMIT + 1].count()
    if waiting > BADGE_LIMIT:
        return f"{BADGE_LIMIT}+"
    return str(waiting) if waiting else ""


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The groups of links, with what this viewer may open and nothing else."""
    allowed = request.user.has_perm
    waiting = {"badge": f"{__name__}.waiting_badge", "badge_variant": "primary", "badge_style": "solid"}
    groups = [
        ("", [_item(_("Dashboard"), "dashboard", "admin:index")]),
        (
            _("Decisions"),
            [
                _item(_("Awaiting decision"), "how_to_reg", "admin:keystone_awaitingdecision_changelist", **waiting)
                if allowed("keystone.approve_user")
                else None
            ],
        ),
        (
            _("People"),
            [
                _item(_("People"), "group", "admin:keystone_user_changelist")
                if allowed("keystone.view_user") or allowed("keystone.change_user")
                else None,
                _item(_("Sessions"), "devices", "admin:keystone_session_changelist")
                if allowed("keystone.view_session")
                else None,
                _item(_("Groups and permissions"), "lock_person", "admin:auth_group_changelist")
                if allowed("auth.view_group")
                else None,
            ],
        ),
        (
            _("Record"),
            [
                _item(_("Audit log"), "receipt_long", "admin:keystone_auditevent_changelist")
                if allowed("keystone.view_auditevent")
                else None
            ],
        ),
        (
            _("API"),
            [
                _item(_("Try the API"), "api", "docs"),
                _item(_("Reference"), "menu_book", "redoc"),
            ],
        ),
    ]
    shown = [(title, [item for item in items if item is not None]) for title, items in groups]
    return [{"title": title, "separator": bool(title), "items": items} for title, items in shown if items]


def _item(title: str, icon: str, name: str, **more: Any) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": reverse(name), **more}
