"""Options that are numbers of seconds."""

from django.utils.translation import gettext
from typer import BadParameter

MOST = 1_000_000.0  # PostgreSQL counts milliseconds, in 31 bits


def seconds(value: float) -> float:
    """Return the value if it is a valid number of seconds. `float()` also accepts `nan` and `inf`.

    Raises:
        BadParameter: it is not a number, or too large.
    """
    if not value <= MOST:
        raise BadParameter(gettext("Give a number of seconds up to %(most)d.") % {"most": MOST})
    return value
