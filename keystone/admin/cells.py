"""How values are shown in lists and on pages of the admin."""

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

NONE = format_html('<span class="k-none">{}</span>', EMPTY)  # narrow screens leave the cell out


def address_cell(email: str) -> SafeString:
    """An address whose domain stands out, and beside it what may be wrong with its look."""
    local, _at, domain = email.rpartition("@")
    remark = _beside(remark_on_address(email))
    return format_html('<span class="k-address">{}@<wbr><b>{}</b>{}</span>', local, domain, remark)


def name_cell(name: str) -> SafeString:
    """A name, and beside it what may be wrong with its look."""
    return format_html("{}{}", name, _beside(remark_on_name(name)))


def _beside(remark: str) -> SafeString | str:
    return format_html(' <span class="k-warn">({})</span>', remark) if remark else ""


def ago(moment: datetime | None) -> SafeString | str:
    """How long ago a moment was, in at most two units, with the moment itself at hand."""
    if moment is None:
        return EMPTY
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', moment.isoformat(), in_full(moment), duration_since(moment)
    )


def duration_since(moment: datetime) -> str:
    """The time since a moment, in words."""
    if (timezone.now() - moment).total_seconds() < 60:
        return _("less than a minute")
    return timesince(moment, depth=1)


def labelled(label: Any, value: Any) -> SafeString:
    """A value of a list that says on narrow screens, where columns have no headings, what it is.

    Args:
        label: the heading of the column.
        value: as it is shown; of none the whole cell is left out there.
    """
    return format_html('<span class="k-narrow-only">{} </span>{}', label, value)


def on_day(moment: datetime | None) -> SafeString:
    """A moment in a list: short, in UTC, with the moment in full at hand."""
    if moment is None:
        return NONE
    short = format_date(moment, "j M Y, H:i")
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), in_full(moment), short)


def in_full(moment: datetime | None) -> str:
    """A moment with its date and time, in UTC."""
    return f"{format_date(moment, 'DATETIME_FORMAT')} UTC" if moment else EMPTY


def request_address(request_id: str) -> str:
    """Where the audit log shows all that a request did."""
    return f"{reverse('admin:keystone_auditevent_changelist')}?{urlencode({'q': request_id})}"


def request_link(request_id: str) -> SafeString | str:
    """A request, with a way to all that it did."""
    if not request_id:
        return EMPTY
    return format_html('<a class="k-link" href="{}">{}</a>', request_address(request_id), request_id)


def number(value: int) -> str:
    """A number as people write it."""
    return str(intcomma(value))
