"""Checks of other services. No mail is sent, nothing is written."""

import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.cache import caches
from django.core.mail import mailers
from django.utils.translation import gettext
from django_redis import get_redis_connection
from django_redis.cache import RedisCache

from keystone.mail.connection import MailConnection
from keystone.mail.failures import of_opening
from keystone.server.checks.findings import Finding, endangers
from keystone.text.one_line import in_one_line

TIMEOUT = 5.0  # seconds
PORTS = {"http": 80, "https": 443}


def cache() -> Iterator[Finding]:
    """Whether Redis answers, where it is the cache."""
    if not isinstance(caches["default"], RedisCache):
        return
    try:
        get_redis_connection("default").ping()
    except Exception as error:  # noqa: BLE001 - its client and its pool have many
        text = gettext("Redis does not answer: %(said)s") % {"said": in_one_line(error)}
        to_do = gettext(
            "Start it, or correct REDIS_URL, or REDIS_SERVER, REDIS_PORT and REDIS_PASSWORD. Until then all is slower."
        )
        yield endangers("cache", text, to_do)


def mail() -> Iterator[Finding]:
    """Whether the mail server lets us in; of a provider, whether its API can be reached."""
    is_provider = str(settings.MAILERS["default"]["BACKEND"]).startswith("anymail.")
    try:
        with MailConnection() as connection:
            connection.open(TIMEOUT)
        if is_provider:
            _reach(mailers["default"])
    except Exception as error:  # noqa: BLE001 - the backends of mails have many
        to_do = gettext("Correct SMTP_HOST, SMTP_PORT, SMTP_USER, SMTP_PASSWORD, SMTP_TLS. Until then mails wait.")
        if is_provider:
            to_do = gettext("Let this machine reach the API of EMAIL_PROVIDER. Until then mails wait.")
        text = gettext("Mails cannot be sent: %(why)s") % {"why": of_opening(error).reason}
        yield endangers("mail", text, to_do)


def _reach(backend: Any) -> None:
    """Connect to the provider's API, without a word: whether it takes the key is seen with the first mail."""
    parts = urlsplit(str(backend.api_url))
    address = (parts.hostname or "", parts.port or PORTS.get(parts.scheme, 443))
    with socket.create_connection(address, timeout=TIMEOUT):
        pass
