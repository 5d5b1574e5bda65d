"""The slots of triggers, above all where clocks are changed."""

import pickle
from datetime import UTC, datetime, timedelta

import pytest

from keystone.scheduling.triggers import Cron, Every


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def slots(trigger: Cron | Every, after: str, number: int) -> list[str]:
    found, moment = [], at(after)
    for _ in range(number):
        following = trigger.after(moment)
        assert following is not None
        found.append(f"{following:%d %H:%M}")
        moment = following
    return found


def test_an_interval_counts_from_the_epoch() -> None:
    trigger = Every(timedelta(minutes=7))
    assert trigger.after(at("1970-01-01 00:00")) == at("1970-01-01 00:07")
    assert trigger.after(at("1970-01-01 00:06:59.999999")) == at("1970-01-01 00:07")
    assert trigger.newest(at("1970-01-01 00:14")) == at("1970-01-01 00:14")
    assert trigger.newest(at("1970-01-01 00:13:59")) == at("1970-01-01 00:07")
    assert Every(timedelta(days=1)).after(at("2026-10-25 00:00")) == at("2026-10-26 00:00")
    assert trigger.get_next_fire_time(None, at("1970-01-01 00:01")) == at("1970-01-01 00:07")


@pytest.mark.parametrize("interval", [timedelta(milliseconds=999), timedelta(0), timedelta(days=367)])
def test_an_interval_is_a_second_to_a_year(interval: timedelta) -> None:
    with pytest.raises(ValueError, match="must be from 1 second to 366 days"):
        Every(interval)


@pytest.mark.parametrize(
    ("text", "after", "expected"),
    [
        # 2026-11-24 is a Tuesday.
        ("0 9 * * 0", "2026-11-24 00:00", ["29 09:00", "06 09:00"]),
        ("0 9 * * 7", "2026-11-24 00:00", ["29 09:00", "06 09:00"]),
        ("0 9 * * sun", "2026-11-24 00:00", ["29 09:00", "06 09:00"]),
        ("0 9 * * 1", "2026-11-24 00:00", ["30 09:00", "07 09:00"]),
        ("0 9 * * 1-5", "2026-11-26 12:00", ["27 09:00", "30 09:00"]),
        ("0 9 * * MON-fri", "2026-11-26 12:00", ["27 09:00", "30 09:00"]),
        ("0 9 * * sat-sun", "2026-11-24 00:00", ["28 09:00", "29 09:00", "05 09:00"]),
        ("0 9 * * 5-7", "2026-11-24 00:00", ["27 09:00", "28 09:00", "29 09:00", "04 09:00"]),
        ("0 9 * * */2", "2026-11-24 12:00", ["26 09:00", "28 09:00", "29 09:00", "01 09:00"]),
        # Where both are given, one of them is enough.
        ("0 0 1 * mon", "2026-11-24 00:00", ["30 00:00", "01 00:00", "07 00:00"]),
        # Unless one begins with a star: then both must fit.
        ("0 0 */2 * mon", "2026-11-24 00:00", ["07 00:00", "21 00:00"]),
        ("15,45 8-10/2 * * *", "2026-11-24 00:00", ["24 08:15", "24 08:45", "24 10:15", "24 10:45", "25 08:15"]),
        ("0 0 31 * *", "2026-11-24 00:00", ["31 00:00", "31 00:00", "31 00:00"]),
        ("0 0 29 feb *", "2026-11-24 00:00", ["29 00:00"]),
        ("30 9 1 jan,jul *", "2026-11-24 00:00", ["01 09:30", "01 09:30"]),
    ],
)
def test_a_line_of_cron_means_what_cron_means(text: str, after: str, expected: list[str]) -> None:
    assert slots(Cron(text), after, len(expected)) == expected


BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"


@pytest.mark.parametrize(
    ("text", "zone", "after", "expected"),
    [
        # Berlin, 2026-10-25: 03:00 CEST is 02:00 CET again, at 01:00 UTC.
        ("30 2 * * *", BERLIN, "2026-10-24 12:00", ["25 00:30", "26 01:30", "27 01:30"]),
        ("*/20 2 * * *", BERLIN, "2026-10-24 12:00", ["25 00:00", "25 00:20", "25 00:40", "26 01:00"]),
        ("0 3 * * *", BERLIN, "2026-10-24 12:00", ["25 02:00", "26 02:00"]),
        ("30 * * * *", BERLIN, "2026-10-24 23:00", ["24 23:30", "25 00:30", "25 01:30", "25 02:30"]),
        ("30 */2 * * *", BERLIN, "2026-10-24 21:00", ["24 22:30", "25 00:30", "25 01:30", "25 03:30"]),
        # Asked in the middle of the second 02:xx: the first is over, and does not come again.
        ("30 2 * * *", BERLIN, "2026-10-25 01:10", ["26 01:30"]),
        ("30 * * * *", BERLIN, "2026-10-25 01:10", ["25 01:30", "25 02:30"]),
        # Berlin, 2027-03-28: 02:00 CET is 03:00 CEST, at 01:00 UTC.
        ("30 2 * * *", BERLIN, "2027-03-27 12:00", ["28 01:00", "29 00:30"]),
        ("*/20 2 * * *", BERLIN, "2027-03-27 12:00", ["28 01:00", "29 00:00", "29 00:20"]),
        ("0 2,3 * * *", BERLIN, "2027-03-27 12:00", ["28 01:00", "29 00:00", "29 01:00"]),
        ("0 2,4 * * *", BERLIN, "2027-03-27 12:00", ["28 01:00", "28 02:00", "29 00:00"]),
        ("30 * * * *", BERLIN, "2027-03-28 00:00", ["28 00:30", "28 01:30", "28 02:30"]),
        ("0 0 * * *", BERLIN, "2027-03-26 23:30", ["27 23:00", "28 22:00", "29 22:00"]),
        # Berlin, 2027-10-31: as in 2026.
        ("30 2 * * *", BERLIN, "2027-10-30 12:00", ["31 00:30", "01 01:30"]),
        # New York, 2026-11-01: 02:00 EDT is 01:00 EST again, at 06:00 UTC.
        ("30 1 * * *", NEW_YORK, "2026-10-31 12:00", ["01 05:30", "02 06:30"]),
        ("30 * * * *", NEW_YORK, "2026-11-01 05:00", ["01 05:30", "01 06:30", "01 07:30"]),
        # New York, 2027-03-14: 02:00 EST is 03:00 EDT, at 07:00 UTC.
        ("30 2 * * *", NEW_YORK, "2027-03-13 12:00", ["14 07:00", "15 06:30"]),
        ("30 * * * *", NEW_YORK, "2027-03-14 06:00", ["14 06:30", "14 07:30"]),
        # Lord Howe moves its clocks by half an hour.
        ("45 1 * * *", "Australia/Lord_Howe", "2027-04-03 00:00", ["03 14:45", "04 15:15"]),
        # Samoa had no 30 December 2011.
        ("0 12 * * *", "Pacific/Apia", "2011-12-29 00:00", ["29 22:00", "30 10:00", "30 22:00"]),
    ],
)
def test_changed_clocks_give_each_time_of_day_once_and_each_passing_hour_its_slot(
    text: str, zone: str, after: str, expected: list[str]
) -> None:
    trigger = Cron(text, zone)
    assert slots(trigger, after, len(expected)) == expected


@pytest.mark.parametrize("text", ["*/15 * * * *", "*/20 2 * * *", "30 1,2,3 * * *", "0 0 1 * mon", "7 */3 * * *"])
@pytest.mark.parametrize(("zone", "start"), [(BERLIN, "2026-10-23"), (BERLIN, "2027-03-26"), (NEW_YORK, "2027-03-12")])
def test_the_newest_slot_is_the_last_that_comes_before(text: str, zone: str, start: str) -> None:
    trigger = Cron(text, zone)
    slot = trigger.after(at(start))
    while slot is not None and slot < at(start) + timedelta(days=4):
        following = trigger.after(slot)
        assert following is not None
        assert following > slot
        assert trigger.newest(slot) == slot
        assert trigger.newest(following - timedelta(microseconds=1)) == slot
        slot = following


def test_the_newest_slot_may_be_years_ago() -> None:
    assert Cron("0 0 29 2 *").newest(at("2027-12-31")) == at("2024-02-29")
    assert Cron("* * 1 1 *").newest(at("2026-12-31")) == at("2026-01-01 23:59")


def test_the_calendar_has_an_end_and_a_beginning() -> None:
    trigger = Cron("0 0 1 1 *")
    assert trigger.after(at("9999-06-01")) is None
    assert Cron("0 0 29 2 *").newest(at("1971-01-01")) is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("* * * *", "has 4 fields. It needs five"),
        ("@daily", "has 1 fields"),
        ("60 * * * *", "'60' is no minute: 60 is not between 0 and 59"),
        ("* 24 * * *", "'24' is no hour: 24 is not between 0 and 23"),
        ("* * 0 * *", "'0' is no day: 0 is not between 1 and 31"),
        ("* * * 13 *", "'13' is no month"),
        ("* * * * 8", "'8' is no day of week"),
        ("* * * * funday", "'funday' is neither a number nor a name"),
        ("mon * * * *", "'mon' is no minute"),
        ("5/15 * * * *", "a step needs a range or a star before it, such as 5-59/15"),
        ("*/0 * * * *", "'*/0' holds nothing"),
        ("30-10 * * * *", "'30-10' holds nothing"),
        ("1,,2 * * * *", "Known are"),
        ("-1 * * * *", "Known are"),
        ("0 0 last * *", "neither a number nor a name"),
        ("0 0 31 2,4 *", "never comes"),
    ],
)
def test_what_is_no_line_of_cron_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=r"cron=") as caught:
        Cron(text)
    assert problem in str(caught.value)


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "", "../etc/passwd", "/etc/passwd", "Europe"])
def test_an_unknown_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(ValueError, match="There is no time zone"):
        Cron("0 0 * * *", zone)


@pytest.mark.parametrize("trigger", [Cron("0 3 * * mon-fri", BERLIN), Every(timedelta(seconds=1.5))])
def test_a_trigger_survives_being_stored(trigger: Cron | Every) -> None:
    again = pickle.loads(pickle.dumps(trigger))  # noqa: S301 - our own
    assert str(again) == str(trigger)
    assert again.after(at("2026-11-24")) == trigger.after(at("2026-11-24"))
    assert again.get_next_fire_time(at("2026-11-24"), at("2030-01-01")) == trigger.after(at("2026-11-24"))
