"""Options that several commands of `manage.py data` share."""

from typing import Annotated, Literal

from django.core.management.base import CommandError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from typer import Option

from keystone.console.printing import printable

Count = Annotated[int, Option("--count", "-c", min=1, help=str(_("How many rows each makes.")))]


def pairs(given: list[str] | None, *, option: str, form: str, sign: Literal["first", "last"]) -> dict[str, str]:
    """What an option says that is given as NAME=VALUE, once for each name.

    Args:
        option: which one it is.
        form: how its help calls the two, such as STEP=PATH.
        sign: which = parts them; the other side may have some of its own.

    Raises:
        CommandError: one is not of that form, or a name is there twice.
    """
    found: dict[str, str] = {}
    for text in given or []:
        name, between, value = text.partition("=") if sign == "first" else text.rpartition("=")
        name, value = name.strip(), value.strip()
        if not (between and name and value):
            said = gettext("%(option)s: “%(text)s” is not of the form %(form)s.")
            raise CommandError(printable(said % {"option": option, "text": text, "form": form}))
        if name in found:
            said = gettext("%(option)s: “%(name)s” is given twice.")
            raise CommandError(printable(said % {"option": option, "name": name}))
        found[name] = value
    return found
