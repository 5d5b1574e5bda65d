"""Guards that allow only the local environment, or no server."""

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
        "This command is for development: it runs in the local environment only (ENVIRONMENT=local), never on a server."
    )


def require_local() -> None:
    """Refuse unless this is the local environment.

    Raises:
        NotLocal: this process runs in another environment.
    """
    if settings.ENVIRONMENT != "local":
        raise NotLocal


def require_no_server() -> None:
    """Refuse in staging and production. Invented data doesn't belong on servers, but tests may need it.

    Raises:
        NotLocal: this is staging or production.
    """
    if settings.ENVIRONMENT in SERVERS:
        raise NotLocal
