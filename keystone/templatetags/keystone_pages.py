"""Template tags of the pages' frame: error pages are rendered without a context."""

from django import template

from keystone.conf import options

register = template.Library()


@register.simple_tag
def project_name() -> str:
    """The project's name."""
    return options().project_name


@register.simple_tag
def support_email() -> str:
    """Whom people can write to; empty where nobody is named."""
    return options().support_email
