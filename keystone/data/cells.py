"""The values that a cell may have in its column: text in CSV; numbers, booleans and times in workbooks.

An unsuitable value is refused, never guessed. django-import-export would read "yes" as false, 4.5 as the integer 4, and
a 0 in a date column as an empty cell, which deletes the value.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal, DecimalException
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.formats import sanitize_separators
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from import_export import widgets

YES = frozenset({"1", "1.0", "true", "yes", "y"})
NO = frozenset({"0", "0.0", "false", "no", "n"})
EXACT = 10**15  # from here on, a spreadsheet does not keep all digits of a number
# How a spreadsheet exports a number to CSV that has more digits than it shows.
_SHORTENED = re.compile(r"-?\d([.,]\d+)?E[+-]\d{2,}", re.IGNORECASE)
# The order matters: bool is a subclass of int, and datetime of date.
_KINDS: Mapping[type, str | Promise] = {
    bool: _("true or false"),
    int: _("a number"),
    float: _("a number"),
    datetime: _("a date"),
    date: _("a date"),
    time: _("a time of day"),
    timedelta: _("a duration"),
    str: _("text"),
}


def as_text(value: Any) -> str:
    """Return a text cell, or a number as it is displayed.

    Raises:
        ValidationError: the value is of another kind, or a number that has lost digits.
    """
    if isinstance(value, str):
        if _SHORTENED.fullmatch(value):
            raise _digits_lost(value)
        return value
    _expect(value, int, float, takes=gettext("text"))
    if abs(value) >= EXACT:
        raise _digits_lost(value)
    return str(value)


def as_yes_or_no(value: Any) -> bool | None:
    """Return the boolean value of a cell, or None if it is empty.

    Raises:
        ValidationError: it is neither yes nor no.
    """
    word = str(value).strip().casefold()
    if word in YES | NO:
        return word in YES
    if not word or value is None:
        return None
    said = gettext("“%(text)s” is neither yes nor no. Write yes, true or 1; or no, false or 0.")
    raise ValidationError(said % {"text": _shown(value)})


def as_moment(value: Any) -> datetime | str:
    """Return a date with a time, or text that the widget parses.

    Raises:
        ValidationError: the value is of another kind.
    """
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time())
    _expect(value, str, datetime, takes=gettext("a date"))
    found: datetime | str = value
    return found


def accepted(value: Any, widget: widgets.Widget | None) -> Any:
    """Return a cell as the given widget of django-import-export accepts it.

    If the widget has its own `clean()`, the cell is returned unchanged.

    Raises:
        ValidationError: the value is not suitable for the widget.
    """
    if type(value) not in _KINDS or value == "":
        return value
    for kind, read in _READ.items():
        if isinstance(widget, kind) and type(widget).clean is kind.clean:
            return read(value)
    if isinstance(widget, widgets.BooleanWidget) and type(widget).clean is widgets.BooleanWidget.clean:
        is_known = value in (*widget.TRUE_VALUES, *widget.FALSE_VALUES, *widget.NULL_VALUES)
        return value if is_known else as_yes_or_no(value)
    return value


def _as_integer(value: Any) -> Any:
    takes = gettext("a whole number")
    _expect(value, str, int, float, takes=takes)
    if isinstance(value, int) and abs(value) >= EXACT:
        raise _digits_lost(value)
    number = _decimal(value)
    if number is not None and (not number.is_finite() or number != number.to_integral_value()):
        raise _not_taken(value, takes)
    return value


def _as_number(value: Any) -> Any:
    takes = gettext("a number")
    _expect(value, str, int, float, takes=takes)
    number = _decimal(value)
    if number is not None and not number.is_finite():
        raise _not_taken(value, takes)
    return value


def _as_date(value: Any) -> Any:
    takes = gettext("a date without a time of day")
    _expect(value, str, date, datetime, takes=takes)
    if isinstance(value, datetime):
        if value.time() != time.min:
            raise _not_taken(value, takes)
        return value.date()
    return value


def _as_time(value: Any) -> Any:
    _expect(value, str, time, takes=gettext("a time of day"))
    return value


def _as_length(value: Any) -> str:
    _expect(value, str, time, timedelta, takes=gettext("a duration"))
    return str(value)


_READ: Mapping[type[widgets.Widget], Callable[[Any], Any]] = {
    widgets.CharWidget: as_text,
    widgets.IntegerWidget: _as_integer,
    widgets.DecimalWidget: _as_number,
    widgets.FloatWidget: _as_number,
    widgets.DateWidget: _as_date,
    widgets.DateTimeWidget: as_moment,
    widgets.TimeWidget: _as_time,
    widgets.DurationWidget: _as_length,
    widgets.ForeignKeyWidget: as_text,
    widgets.ManyToManyWidget: as_text,
    widgets.SimpleArrayWidget: as_text,
    widgets.JSONWidget: as_text,
}


def _expect(value: Any, *kinds: type, takes: str) -> None:
    if type(value) not in kinds:
        raise _not_taken(value, takes)


def _decimal(value: Any) -> Decimal | None:
    """Return the number, or None if it is not a number; the widget refuses it then."""
    try:
        return Decimal(str(sanitize_separators(value)))
    except DecimalException:
        return None


def _not_taken(value: Any, takes: str) -> ValidationError:
    said = gettext("“%(value)s” is %(kind)s; this column takes %(takes)s.")
    kind = next((name for one, name in _KINDS.items() if isinstance(value, one)), type(value).__name__)
    return ValidationError(said % {"value": _shown(value), "kind": kind, "takes": takes})


def _digits_lost(value: Any) -> ValidationError:
    said = gettext("“%(value)s” has more digits than a spreadsheet keeps. Enter it as text.")
    return ValidationError(said % {"value": value})


def _shown(value: Any) -> str:
    """Return a value as spreadsheets display it: a date without midnight, booleans in capitals."""
    if isinstance(value, datetime) and value.time() == time.min:
        return value.date().isoformat()
    return str(value).upper() if isinstance(value, bool) else str(value)
