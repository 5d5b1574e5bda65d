"""Options shared by several commands of `manage.py data`."""

from typing import Annotated, Literal

from django.core.management.base import CommandError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from typer import Option

from keystone.console.printing import printable

Count = Annotated[int, Option("--count", "-c", min=1, help=str(_("The number of rows that each creates.")))]


def pairs(given: list[str] | None, *, option: str, form: str, sign: Literal["first", "last"]) -> dict[str, str]:
    """Parse the values of an option that is given as NAME=VALUE, once for each name.

    Args:
        option: the name of the option.
        form: the placeholder in its help, such as STEP=PATH.
        sign: which = separates the two; the other side may contain more of them.

    Raises:
        CommandError: a value does not have this form, or a name is given twice.
    """
    found: dict[str, str] = {}
    for text in given or []:
        name, between, value = text.partition("=") if sign == "first" else text.rpartition("=")
        name, value = name.strip(), value.strip()
        if not (between and name and value):
            said = gettext("%(option)s: “%(text)s” does not have the form %(form)s.")
            raise CommandError(printable(said % {"option": option, "text": text, "form": form}))
        if name in found:
            said = gettext("%(option)s: “%(name)s” is given twice.")
            raise CommandError(printable(said % {"option": option, "name": name}))
        found[name] = value
    return found
