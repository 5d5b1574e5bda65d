"""System checks: a wrong setting stops the start with an id and a hint."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured

from keystone.conf import options


@register(Tags.security)
def check_options(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """`keystone.E001`: KEYSTONE is wrong. `keystone.E002`: the approval flow is unknown."""
    from keystone.accounts.models import ApprovalFlow

    try:
        chosen = options()
    except ImproperlyConfigured as error:
        return [Error(str(error), hint="See keystone/conf.py for the options.", id="keystone.E001")]
    try:
        ApprovalFlow.parse(chosen.default_user_approval_flow)
    except ValueError as error:
        hint = f"Choose one of {', '.join(ApprovalFlow.values)}."
        return [Error(f"DEFAULT_USER_APPROVAL_FLOW: {error}", hint=hint, id="keystone.E002")]
    return []
