"""Guards: local environment only, or no server."""

from typing import ClassVar

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from keystone.environment.env import SERVERS
from keystone.exceptions import Refusal


class NotLocal(Refusal):
    """Accounts with known passwords must never reach a server."""

    code = "not_local"
    status: ClassVar[int] = 403
    message: ClassVar[str | Promise] = _(
        "This is for development: it runs in the local environment only (ENVIRONMENT=local), never on a server."
    )


def require_local() -> None:
    """Refuse everywhere but in the local environment.

    Raises:
        NotLocal: this process runs in another one.
    """
    if settings.ENVIRONMENT != "local":
        raise NotLocal


def require_no_server() -> None:
    """Refuse in staging and production: what is made up belongs on no server, and tests may need it.

    Raises:
        NotLocal: this process runs in one of them.
    """
    if settings.ENVIRONMENT in SERVERS:
        raise NotLocal
