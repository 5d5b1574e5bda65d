"""Moments on the command line."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from keystone.console.moments import NoMoment, in_full, parse_moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "soon",
        "7",
        "7x",
        "-7d",
        "7d ago",
        "d",
        "2026-02-30",
        "2026",
        "12:00",
        "1.5d",
        "\u0667d",
        "0001-01-01T00:00+02:00",
        "9999999999d",
        "999999999w",
        "9999-12-31T23:59-02:00",
    ],
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(NoMoment) as raised:
        parse_moment(text, length="ahead")
    assert raised.value.detail.startswith(f"“{text.strip()}” is not a valid time. Write it as 2026-12-31, ")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-12-31", datetime(2026, 12, 31, tzinfo=UTC)),
        (" 2026-12-31 ", datetime(2026, 12, 31, tzinfo=UTC)),
        ("2026-12-31T18:30", datetime(2026, 12, 31, 18, 30, tzinfo=UTC)),
        ("2026-12-31 18:30:15", datetime(2026, 12, 31, 18, 30, 15, tzinfo=UTC)),
        ("2026-12-31T18:30Z", datetime(2026, 12, 31, 18, 30, tzinfo=UTC)),
        ("2026-12-31T18:30+02:00", datetime(2026, 12, 31, 16, 30, tzinfo=UTC)),
        ("2026-12-31T18:30-05:30", datetime(2027, 1, 1, tzinfo=UTC)),
    ],
)
def test_dates_and_times_are_in_utc(text: str, moment: datetime) -> None:
    assert parse_moment(text, length="ahead") == moment
    assert parse_moment(text, length="ago").tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("30m", timedelta(minutes=30)),
        ("12h", timedelta(hours=12)),
        ("7d", timedelta(days=7)),
        ("2W", timedelta(weeks=2)),
        ("1w2d3h4m", timedelta(days=9, hours=3, minutes=4)),
        ("0d", timedelta()),
    ],
)
def test_lengths_lead_ahead_or_back(text: str, length: timedelta) -> None:
    before = timezone.now()
    ahead, ago = parse_moment(text, length="ahead"), parse_moment(text, length="ago")
    after = timezone.now()
    assert before + length <= ahead <= after + length
    assert before - length <= ago <= after - length


def test_a_moment_is_written_in_utc_to_the_minute() -> None:
    assert in_full(datetime.fromisoformat("2026-12-31T18:30:59+02:00")) == "2026-12-31 16:30 UTC"
    assert in_full(None) is None
