"""Template tags for the pages' layout, because error pages are rendered without a context."""

from django import template

from keystone.conf import options

register = template.Library()


@register.simple_tag
def project_name() -> str:
    """Return the project's name."""
    return options().project_name


@register.simple_tag
def support_email() -> str:
    """Return the email address for support; empty if there is none."""
    return options().support_email
