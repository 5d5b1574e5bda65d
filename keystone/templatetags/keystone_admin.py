"""Template tags for users in the admin."""

from typing import Any

from django import template
from django.utils.safestring import SafeString

from keystone.accounts.models import User
from keystone.admin.cells import address_cell, ago, in_full, name_cell, number, on_day
from keystone.approval.admin.person_cells import STATUS_COLOURS
from keystone.background.reading import COUNTED

register = template.Library()


@register.inclusion_tag("unfold/helpers/label.html")
def status_label(user: User) -> dict[str, Any]:
    """Show the status as a coloured label."""
    return {"text": user.get_status_display(), "type": STATUS_COLOURS[user.status]}


@register.simple_tag
def address(user: User) -> SafeString:
    """Return the email address with its domain emphasized."""
    return address_cell(user.email)


@register.filter
def up_to(count: int) -> str:
    """Format a number that was counted up to a limit, with a `+` beyond it."""
    return number(count) if count <= COUNTED else f"{number(COUNTED)}+"


register.filter("address_cell", address_cell)
register.filter("ago", ago)
register.filter("in_full", in_full)
register.filter("name_cell", name_cell)
register.filter("on_day", on_day)
register.filter("grouped", number)
