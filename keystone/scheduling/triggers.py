"""Triggers: the slots of a job, the same for every scheduler and after every restart.

Both triggers depend only on the clock and on what the code declares. APScheduler's rows contain just these declared
values, so that a newer version of a library can read what an older one wrote.
"""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

from keystone.scheduling.cron_text import parse

if TYPE_CHECKING:

    class _Trigger:
        """APScheduler's `BaseTrigger`, which has no types."""

else:
    from apscheduler.triggers.base import BaseTrigger as _Trigger

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SHORTEST, LONGEST = timedelta(seconds=1), timedelta(days=366)
TICK = timedelta(microseconds=1)
NEAR = timedelta(hours=26)  # no clock changes by more than this; a country once skipped a whole day


class Every(_Trigger):
    """A slot every `interval`, counted from 1970-01-01 00:00 UTC in elapsed time, whatever local clocks show."""

    def __init__(self, interval: timedelta) -> None:
        """Create a trigger with this interval.

        Raises:
            ValueError: the interval is shorter than 1 second or longer than 366 days.
        """
        if not SHORTEST <= interval <= LONGEST:
            raise ValueError(f"every={interval} must be from 1 second to 366 days.")
        self.interval = interval

    def after(self, moment: datetime) -> datetime | None:
        """Return the first slot later than `moment` (both UTC)."""
        return self.newest(moment) + self.interval

    def newest(self, moment: datetime) -> datetime:
        """Return the last slot that is not later than `moment` (both UTC)."""
        return EPOCH + (moment - EPOCH) // self.interval * self.interval

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """Return the next slot. This is APScheduler's interface."""
        return self.after(previous_fire_time or now)

    def __str__(self) -> str:
        seconds = f"{self.interval.total_seconds():.6f}"
        return f"every {seconds.rstrip('0').rstrip('.')} s"

    def __getstate__(self) -> dict[str, Any]:
        return {"every": self.interval.total_seconds()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(timedelta(seconds=state["every"]))  # type: ignore[misc]  # restored by the constructor


class Cron(_Trigger):
    """The slots of a cron expression in a time zone.

    As in Debian's cron, the hour field decides what happens when the clocks change. If it starts with `*`, the job
    follows elapsed time: it runs in both repeated hours, and times in a skipped hour do not exist. Otherwise it follows
    the clock: a repeated time is due the first time only, a skipped time as soon as the clock has skipped it.
    """

    def __init__(self, text: str, timezone: str = "UTC") -> None:
        """Create a trigger from `text` (minute, hour, day of month, month, day of week).

        Raises:
            ValueError: the text is not a cron expression, no day matches it, or the time zone is unknown.
        """
        self.text, self.timezone = " ".join(text.split()), timezone
        try:
            self.zone = ZoneInfo(timezone)
        except (OSError, ValueError, KeyError):  # no such file, a path out of the folder, no such key
            raise ValueError(f"There is no time zone {timezone!r}. Write it as 'Europe/Berlin'.") from None
        lines = parse(text)
        self.by_passing_time = text.split()[1].startswith("*")
        # The fields are matched against local time, which `_slots` converts to UTC.
        self.walls = [CronTrigger(**fields, second=0, timezone=UTC) for fields in lines]

    def after(self, moment: datetime) -> datetime | None:
        """Return the first slot later than `moment` (both UTC); None at the end of the calendar."""
        shown = _shown(moment, self.zone)
        offsets = [self._offset(moment + distance) for distance in (-NEAR, timedelta(0), NEAR)]
        # Local times repeat when clocks are put back, so start earlier by the largest possible change.
        wall = shown - (max(offsets) - min(offsets))
        found: list[datetime] = []
        while not found or wall <= shown:
            following = self._wall_after(wall)
            if following is None:
                break
            wall = following
            found += [slot for slot in self._slots(wall) if slot > moment]
        return min(found, default=None)

    def newest(self, moment: datetime) -> datetime | None:
        """Return the last slot that is not later than `moment` (both UTC); None if there was none in forty years."""
        nothing_after, back = moment, timedelta(minutes=2)
        while (slot := self._due(moment - back, moment)) is None:
            nothing_after, back = moment - back, back * 4
            if back > timedelta(days=40 * 366):  # 29 February may be eight years ago, one on a Monday forty
                return None
        while nothing_after - slot > timedelta(minutes=1):
            middle = slot + (nothing_after - slot) / 2
            following = self._due(middle, moment)
            nothing_after, slot = (middle, slot) if following is None else (nothing_after, following)
        return self._due(slot, moment) or slot

    def _due(self, start: datetime, end: datetime) -> datetime | None:
        """Return the first slot later than `start` and not later than `end`."""
        slot = self.after(start)
        return slot if slot is not None and slot <= end else None

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """Return the next slot. This is APScheduler's interface."""
        return self.after((previous_fire_time or now).astimezone(UTC))

    def _slots(self, wall: datetime) -> list[datetime]:
        """Return the slots (UTC) for the local time `wall`: none, one or two."""
        first, second = (wall.replace(tzinfo=self.zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        if first == second:
            return [first]
        if first < second:  # repeated
            return [first, second] if self.by_passing_time else [first]
        return [] if self.by_passing_time else [self._skip(second, first)]

    def _skip(self, before: datetime, after: datetime) -> datetime:
        """Return the moment between these two at which the clock is put forward."""
        offset = self._offset(before)
        while after - before > timedelta(seconds=1):
            middle = before + (after - before) / 2
            before, after = (middle, after) if self._offset(middle) == offset else (before, middle)
        return after.replace(microsecond=0)

    def _wall_after(self, wall: datetime) -> datetime | None:
        moment = wall.replace(tzinfo=UTC) + TICK
        following = [trigger.get_next_fire_time(None, moment) for trigger in self.walls]
        found = min((one for one in following if one is not None), default=None)
        return None if found is None else found.replace(tzinfo=None)

    def _offset(self, moment: datetime) -> timedelta:
        return moment.astimezone(self.zone).utcoffset() or timedelta(0)

    def __str__(self) -> str:
        return f"cron {self.text} {self.timezone}"

    def __getstate__(self) -> dict[str, Any]:
        return {"cron": self.text, "timezone": self.timezone}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["cron"], state["timezone"])  # type: ignore[misc]  # restored by the constructor


type Trigger = Every | Cron


def _shown(moment: datetime, zone: ZoneInfo) -> datetime:
    """Return the naive local time of the zone at `moment`."""
    return moment.astimezone(zone).replace(tzinfo=None)
