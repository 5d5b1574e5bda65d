"""Template tags for mails in the admin."""

from typing import Any

from django import template

from keystone.mail.admin.cells import STATE_COLOURS, title_of
from keystone.mail.models import OutgoingMail

register = template.Library()


@register.inclusion_tag("unfold/helpers/label.html")
def mail_state(mail: OutgoingMail) -> dict[str, Any]:
    """Show the state as a coloured label."""
    return {"text": mail.get_state_display(), "type": STATE_COLOURS[mail.state]}


@register.simple_tag
def mail_title(mail: OutgoingMail) -> str:
    """Return the mail's title."""
    return title_of(mail)
