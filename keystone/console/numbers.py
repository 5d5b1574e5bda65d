"""Options in seconds."""

from django.utils.translation import gettext
from typer import BadParameter

MOST = 1_000_000.0  # PostgreSQL counts milliseconds, in 31 bits


def seconds(value: float) -> float:
    """The same, where it is a number that can be waited for; `float` also reads `nan` and `inf`.

    Raises:
        BadParameter: it is none, or too large.
    """
    if not value <= MOST:
        raise BadParameter(gettext("Give a number of seconds up to %(most)d.") % {"most": MOST})
    return value
