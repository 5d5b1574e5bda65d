"""What cells can mean to the widgets of django-import-export."""

from datetime import date, datetime, time, timedelta
from typing import Any, ClassVar

import pytest
from django.core.exceptions import ValidationError
from import_export import widgets

from keystone.data.cells import accepted
from tests.data import library

DAY = datetime(2026, 1, 2)  # noqa: DTZ001 - a workbook knows no zones
MOMENT = datetime(2026, 1, 2, 3, 4)  # noqa: DTZ001 - as above
CLOCK, LENGTH = time(3, 4), timedelta(hours=30)
Author: Any = library.Author
LOST = "has more digits than a spreadsheet keeps. Enter it as text."
NEITHER = "is neither yes nor no. Write yes, true or 1; or no, false or 0."


def said(value: Any, widget: widgets.Widget) -> str:
    with pytest.raises(ValidationError) as refused:
        accepted(value, widget)
    return str(refused.value.messages[0])


def test_cells_that_mean_something_are_taken() -> None:
    author = widgets.ForeignKeyWidget(Author, "name")
    taken: list[tuple[widgets.Widget, list[tuple[Any, Any]]]] = [
        (widgets.CharWidget(), [("x", "x"), (4711, "4711"), (0, "0"), (1.5, "1.5"), ("nan", "nan"), ("1E5", "1E5")]),
        (widgets.IntegerWidget(), [(5, 5), ("5", 5), (5.0, 5), ("5.0", 5), (0, 0), ("9" * 20, int("9" * 20))]),
        (widgets.FloatWidget(), [(5, 5.0), ("1.5", 1.5), (0, 0.0), (1e20, 1e20), ("1.5E+20", 1.5e20)]),
        (widgets.BooleanWidget(), [(True, True), (1, True), ("yes", True), ("1.0", True), ("TRUE", True), ("Y", True)]),
        (widgets.BooleanWidget(), [(False, False), (0, False), ("no", False), ("0.0", False), ("null", None)]),
        (widgets.DateWidget(), [(DAY, date(2026, 1, 2)), ("2026-01-02", date(2026, 1, 2))]),
        (widgets.TimeWidget(), [(CLOCK, CLOCK), ("03:04:00", CLOCK)]),
        (widgets.DurationWidget(), [(LENGTH, LENGTH), (CLOCK, timedelta(hours=3, minutes=4)), ("1 06:00:00", LENGTH)]),
        (author, [("", None)]),
    ]
    for widget, cells in taken:
        assert [widget.clean(accepted(cell, widget)) for cell, _meant in cells] == [meant for _cell, meant in cells]
    assert accepted(4711, author) == "4711"  # and a 0 is looked up, instead of taking away what was there
    assert accepted(0, widgets.ManyToManyWidget(Author, field="name")) == "0"
    assert accepted(date(2026, 1, 2), widgets.DateTimeWidget()) == DAY


def test_cells_that_mean_nothing_are_refused() -> None:
    number, decimal, boolean = widgets.IntegerWidget(), widgets.DecimalWidget(), widgets.BooleanWidget()
    refused: list[tuple[widgets.Widget, Any, str]] = [
        (widgets.CharWidget(), DAY, "“2026-01-02” is a date; this column takes text."),
        (widgets.CharWidget(), MOMENT, "“2026-01-02 03:04:00” is a date; this column takes text."),
        (widgets.CharWidget(), False, "“FALSE” is true or false; this column takes text."),
        (widgets.CharWidget(), 10**15, f"“1000000000000000” {LOST}"),
        (widgets.CharWidget(), "1,23457E+18", f"“1,23457E+18” {LOST}"),
        (number, 4.5, "“4.5” is a number; this column takes a whole number."),
        (number, "4.5", "“4.5” is text; this column takes a whole number."),
        (number, "inf", "“inf” is text; this column takes a whole number."),
        (number, True, "“TRUE” is true or false; this column takes a whole number."),
        (number, DAY, "“2026-01-02” is a date; this column takes a whole number."),
        (number, 10**15, f"“1000000000000000” {LOST}"),
        (decimal, "NaN", "“NaN” is text; this column takes a number."),
        (decimal, False, "“FALSE” is true or false; this column takes a number."),
        (widgets.FloatWidget(), "-inf", "“-inf” is text; this column takes a number."),
        (boolean, "maybe", f"“maybe” {NEITHER}"),
        (boolean, 2, f"“2” {NEITHER}"),
        (boolean, DAY, f"“2026-01-02” {NEITHER}"),
        (
            widgets.DateWidget(),
            MOMENT,
            "“2026-01-02 03:04:00” is a date; this column takes a date without a time of day.",
        ),
        (widgets.DateWidget(), 0, "“0” is a number; this column takes a date without a time of day."),
        (widgets.DateTimeWidget(), False, "“FALSE” is true or false; this column takes a date."),
        (widgets.TimeWidget(), DAY, "“2026-01-02” is a date; this column takes a time of day."),
        (widgets.DurationWidget(), 5, "“5” is a number; this column takes a duration."),
        (widgets.ForeignKeyWidget(Author), False, "“FALSE” is true or false; this column takes text."),
        (widgets.ManyToManyWidget(Author), DAY, "“2026-01-02” is a date; this column takes text."),
    ]
    assert [said(cell, widget) for widget, cell, _reason in refused] == [reason for _w, _c, reason in refused]


def test_a_widget_that_reads_cells_by_itself_gets_them_as_they_are() -> None:
    class JaNein(widgets.BooleanWidget):
        TRUE_VALUES: ClassVar = ["ja"]
        FALSE_VALUES: ClassVar = ["nein"]

    class Own(widgets.CharWidget):
        def clean(self, value: Any, row: Any = None, **kwargs: Any) -> str:
            return repr(value)

    assert [accepted(word, JaNein()) for word in ("ja", "nein", "yes")] == ["ja", "nein", True]
    assert accepted(DAY, Own()) == DAY
    assert accepted(DAY, widgets.Widget()) == DAY
    assert accepted("", widgets.IntegerWidget()) == ""
