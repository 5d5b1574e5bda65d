"""System checks of mail: each template renders and, for a deployment, mails can be sent."""

import socket
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.mail import mailers
from django.utils.translation import gettext

from keystone.mail.connection import MailConnection
from keystone.mail.failures import of_opening
from keystone.mail.previews import PARTIALS, missing_partials, says_nothing, try_preview
from keystone.mail.registry import EMAILS
from keystone.mail.rendering import FOLDER

TIMEOUT = 5.0  # seconds
PORTS = {"http": 80, "https": 443}


@checks.register(checks.Tags.templates)
def find_unsendable_mails(*, app_configs: Sequence[AppConfig] | None, **_: Any) -> list[checks.CheckMessage]:
    """Check that each registered mail has a complete template (E010), renders (E011) and isn't empty (E012).

    Each mail is rendered with its sample data. That takes a few milliseconds, and neither queries the database nor
    creates tokens.
    """
    return [fault for fault in map(_fault, sorted(EMAILS)) if fault is not None]


@checks.register("mail", deploy=True)
def check_mail_server(**_: Any) -> list[checks.CheckMessage]:
    """Check, without sending a mail, that the mail server accepts us or the provider's API can be reached (W013)."""
    is_provider = str(settings.MAILERS["default"]["BACKEND"]).startswith("anymail.")
    try:
        with MailConnection() as connection:
            connection.open(TIMEOUT)
        if is_provider:
            _reach(mailers["default"])
    except Exception as error:  # noqa: BLE001 - each mail backend has its own
        hint = gettext("Correct SMTP_HOST, SMTP_PORT, SMTP_USER, SMTP_PASSWORD, SMTP_TLS. Until then mails are queued.")
        if is_provider:
            hint = gettext("Allow this machine to reach the API of EMAIL_PROVIDER. Until then mails are queued.")
        text = gettext("Mails cannot be sent: %(why)s") % {"why": of_opening(error).reason}
        return [checks.Warning(text, hint=hint, id="keystone.W013")]
    return []


def _reach(backend: Any) -> None:
    """Connect to the provider's API without sending anything. Whether the key is valid shows with the first mail."""
    parts = urlsplit(str(backend.api_url))
    address = (parts.hostname or "", parts.port or PORTS.get(parts.scheme, 443))
    with socket.create_connection(address, timeout=TIMEOUT):
        pass


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
