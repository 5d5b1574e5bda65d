"""Display of values in lists and on pages of the admin."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib.humanize.templatetags.humanize import intcomma
from django.template.defaultfilters import date as format_date
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from keystone.text import EMPTY
from keystone.text.look_alikes import remark_on_address, remark_on_name

NONE = format_html('<span class="k-none">{}</span>', EMPTY)  # narrow screens hide the cell


def address_cell(email: str) -> SafeString:
    """Return an email address with its domain emphasized, and a warning if it looks suspicious."""
    local, _at, domain = email.rpartition("@")
    remark = _beside(remark_on_address(email))
    return format_html('<span class="k-address">{}@<wbr><b>{}</b>{}</span>', local, domain, remark)


def name_cell(name: str) -> SafeString:
    """Return a name, with a warning if it looks suspicious."""
    return format_html("{}{}", name, _beside(remark_on_name(name)))


def _beside(remark: str) -> SafeString | str:
    return format_html(' <span class="k-warn">({})</span>', remark) if remark else ""


def ago(moment: datetime | None) -> SafeString | str:
    """Return how long ago a moment was, with the full date and time as the title."""
    if moment is None:
        return EMPTY
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', moment.isoformat(), in_full(moment), duration_since(moment)
    )


def duration_since(moment: datetime) -> str:
    """Return the time since a moment, in words."""
    if (timezone.now() - moment).total_seconds() < 60:
        return _("less than a minute")
    return timesince(moment, depth=1)


def labelled(label: Any, value: Any) -> SafeString:
    """Return a list's value with a label that is shown on narrow screens, where columns have no headings.

    Args:
        label: the heading of the column.
        value: the value to show; narrow screens hide the cell if it is `NONE`.
    """
    return format_html('<span class="k-narrow-only">{} </span>{}', label, value)


def on_day(moment: datetime | None) -> SafeString:
    """Return a short date and time in UTC for a list, with the full one as the title."""
    if moment is None:
        return NONE
    short = format_date(moment, "j M Y, H:i")
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), in_full(moment), short)


def in_full(moment: datetime | None) -> str:
    """Return the full date and time in UTC."""
    return f"{format_date(moment, 'DATETIME_FORMAT')} UTC" if moment else EMPTY


def request_address(request_id: str) -> str:
    """Return the URL of the audit log that shows everything a request did."""
    return f"{reverse('admin:keystone_auditevent_changelist')}?{urlencode({'q': request_id})}"


def request_link(request_id: str) -> SafeString | str:
    """Return a request id, linked to everything the request did."""
    if not request_id:
        return EMPTY
    return format_html('<a class="k-link" href="{}">{}</a>', request_address(request_id), request_id)


def number(value: int) -> str:
    """Return a number with thousands separators."""
    return str(intcomma(value))
