"""Made-up names, by Faker."""

from typing import TYPE_CHECKING, ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from keystone.development.environment import require_no_server
from keystone.exceptions import Refusal

if TYPE_CHECKING:
    from faker import Faker

LOCALES = ("en_GB", "de_DE", "es_ES", "fr_FR", "pl_PL", "sv_SE", "tr_TR")


class FakerMissing(Refusal):
    """The package that makes names up is for development, and is not installed here."""

    code = "faker_missing"
    message: ClassVar[str | Promise] = _(
        "Names are made up by Faker, which is not installed. It is among the development dependencies: uv sync"
    )


def faker() -> "Faker":
    """What makes names up. `faker()["de_DE"]` keeps to one language; `LOCALES` are there.

    Raises:
        NotLocal: this is staging or production.
        FakerMissing: it is not installed.
    """
    require_no_server()
    try:
        from faker import Faker
    except ImportError:
        raise FakerMissing from None
    return Faker(LOCALES)
