"""The dashboard: users by status, recent decisions, and who waits, limited to what the viewer may see."""

from datetime import timedelta
from typing import Any

from django.http import HttpRequest
from django.template.defaultfilters import date as format_date
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from keystone.accounts.status import Status
from keystone.accounts.transition_rules import APPROVE
from keystone.admin.cells import ago, number
from keystone.approval.admin import figures
from keystone.approval.admin.failures import failures
from keystone.approval.admin.person_cells import STATUS_COLOURS
from keystone.conf import options

LABELLED = 5  # every fifth day has its date under it


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Fill the page's context. Called by unfold."""
    sees = request.user.has_perm("keystone.view_user")
    decides = request.user.has_perm(APPROVE.permission)
    context["title"] = _("Dashboard")
    context["product"] = options().project_name
    context["failures"] = failures(request)
    context["nothing"] = not sees and not decides and not context["failures"]
    if sees:
        context["statuses"] = _statuses(decides=decides)
        context["chart"] = _chart(figures.days())
    if sees or decides:
        context["median"] = duration(figures.median_time_to_decision())
    if decides:
        context["waiting"] = [
            {
                "user": user,
                "waited": ago(user.awaiting_since),
                "link": reverse("admin:keystone_user_change", args=[user.pk])
                if sees
                else reverse("admin:keystone_awaitingdecision_approve", args=[user.pk]),
            }
            for user in figures.longest_waiting()
        ]
        context["queue"] = reverse("admin:keystone_awaitingdecision_changelist")
    return context


def duration(value: timedelta | None) -> str | None:
    """Return a duration in words: minutes, hours and minutes, or days and hours."""
    if value is None:
        return None
    minutes = round(value.total_seconds() / 60)
    if minutes < 1:
        return _("less than a minute")
    hours, minutes_left = divmod(minutes, 60)
    days, hours_left = divmod(hours, 24)
    minute = ngettext("%(count)d minute", "%(count)d minutes", minutes_left) % {"count": minutes_left}
    hour = ngettext("%(count)d hour", "%(count)d hours", hours_left) % {"count": hours_left}
    if days:
        day = ngettext("%(count)d day", "%(count)d days", days) % {"count": days}
        return f"{day} {hour}" if hours_left else day
    if hours:
        return f"{hour} {minute}" if minutes_left else hour
    return minute


def _statuses(*, decides: bool) -> list[dict[str, Any]]:
    people = reverse("admin:keystone_user_changelist")
    links = {status: f"{people}?status={status.value}" for status in Status}
    if decides:
        links[Status.PENDING_ADMIN_APPROVAL] = reverse("admin:keystone_awaitingdecision_changelist")
    counts = figures.statuses()
    return [
        {
            "name": status.value,
            "label": status.label,
            "count": _about(*counts[status.value]),
            "colour": STATUS_COLOURS[status.value],
            "link": links[status],
        }
        for status in Status
    ]


def _about(count: int, is_estimate: bool) -> str:  # noqa: FBT001 - a pair of the figures
    return _("about %(count)s") % {"count": number(count)} if is_estimate else number(count)


def _chart(days: list[figures.Day]) -> dict[str, Any]:
    top = _round_up(max((day.most for day in days), default=0))
    names = (("registered", _("Registered")), ("approved", _("Approved")), ("rejected", _("Rejected")))
    totals = {name: sum(getattr(day, name) for day in days) for name, _label in names}
    series = [{"name": name, "label": label, "total": number(totals[name])} for name, label in names]
    return {
        "series": series,
        "top": number(top),
        "half": number(top // 2) if top % 2 == 0 else "",
        "summary": _("Last 30 days: %(registered)s registered, %(approved)s approved, %(rejected)s rejected.")
        % {name: number(total) for name, total in totals.items()},
        "days": [
            {
                "date": day.day,
                "label": format_date(day.day, "j M") if (len(days) - 1 - place) % LABELLED == 0 else "",
                "bars": [
                    {"name": name, "count": getattr(day, name), "percent": _percent(getattr(day, name), top)}
                    for name, _label in names
                ],
                "title": ", ".join(
                    [format_date(day.day, "j M Y"), *(f"{label} {getattr(day, name)}" for name, label in names)]
                ),
            }
            for place, day in enumerate(days)
        ],
    }


def _percent(count: int, top: int) -> str:
    return f"{100 * count / top:.2f}" if top else "0"


def _round_up(value: int) -> int:
    """Return the next number with one or two leading digits, as the top of a scale."""
    if value <= 4:
        return max(value + value % 2, 2)
    step = 10 ** (len(str(value)) - 1)
    for part in (step // 5 or 1, step // 2 or 1, step):
        rounded = -(-value // (2 * part)) * 2 * part
        if rounded - value < step:
            return rounded
    return value
