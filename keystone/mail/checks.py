"""The system check of mail templates: each must render."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core import checks

from keystone.mail.previews import PARTIALS, missing_partials, says_nothing, try_preview
from keystone.mail.registry import EMAILS
from keystone.mail.rendering import FOLDER


@checks.register(checks.Tags.templates)
def find_unsendable_mails(*, app_configs: Sequence[AppConfig] | None, **_: Any) -> list[checks.CheckMessage]:
    """E010 to E012: registered mails whose template is missing or incomplete, is wrong, or renders without a text.

    It renders each with its sample data, which takes a few milliseconds, reads no database and mints nothing.
    """
    return [fault for fault in map(_fault, sorted(EMAILS)) if fault is not None]


def _fault(name: str) -> checks.CheckMessage | None:
    missing = missing_partials(name)
    if missing:
        return _incomplete(name, missing)
    rendered, fault = try_preview(name)
    if rendered is None:
        return checks.Error(
            f"The mail {name!r} cannot be rendered with its sample data: {fault}",
            hint=f"Correct {FOLDER}/{name}.mjml, or the `sample` of its @email(...).",
            id="keystone.E011",
        )
    if says_nothing(name) or not rendered.subject:
        return checks.Error(
            f"The mail {name!r} has no subject or no text.",
            hint=f"Give the partials `subject` and `text` of {FOLDER}/{name}.mjml some words.",
            id="keystone.E012",
        )
    return None


def _incomplete(name: str, missing: list[str]) -> checks.CheckMessage:
    what = "has no template" if len(missing) == len(PARTIALS) else f"lacks the partials {', '.join(missing)}"
    return checks.Error(
        f"The mail {name!r} {what}.",
        hint=f"It needs the file {FOLDER}/{name}.mjml with the partials {', '.join(PARTIALS)}.",
        id="keystone.E010",
    )
