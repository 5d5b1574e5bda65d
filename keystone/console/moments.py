"""Dates and times on the command line: ISO 8601, UTC by default, or relative to now."""

import re
from datetime import UTC, datetime, timedelta
from typing import Literal

from django.utils import timezone
from django.utils.translation import gettext

from keystone.exceptions import Refusal

_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes"}
_LENGTH = re.compile(r"(?:(\d{1,9})w)?(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?", re.ASCII | re.IGNORECASE)


class NoMoment(Refusal):
    """The text is neither a date, nor a time, nor a usable length of time."""

    code = "no_moment"
    status = 400

    def __init__(self, text: str) -> None:
        said = gettext(
            "“%(text)s” is not a valid time. Write it as 2026-12-31, 2026-12-31T18:00 (UTC), or as a "
            "duration such as 7d, 12h or 30m."
        )
        super().__init__(said % {"text": text})


def parse_moment(text: str, *, length: Literal["ahead", "ago"]) -> datetime:
    """Parse a date, a time or a length of time, and return the moment in UTC.

    Args:
        text: a date, which means midnight; a time, in UTC if it has no offset; or a length such as `1w2d`, of weeks
            (w), days (d), hours (h) and minutes (m) from now.
        length: whether a length of time is added to or subtracted from now.

    Raises:
        NoMoment: the text can't be parsed.
    """
    text = text.strip()
    try:
        found = _LENGTH.fullmatch(text)
        if found and any(found.groups()):
            parts = zip(_UNITS.values(), found.groups(), strict=True)
            lasts = timedelta(**{unit: int(number) for unit, number in parts if number})
            return timezone.now() + (lasts if length == "ahead" else -lasts)
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise NoMoment(text) from None


def in_full(moment: datetime | None) -> str | None:
    """Return the moment for people, to the minute in UTC; None if it is None."""
    return None if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
