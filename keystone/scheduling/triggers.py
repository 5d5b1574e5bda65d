"""Triggers: the slots of a job, the same for every scheduler and after every restart.

Both triggers depend on nothing but the clock and what the code declares. They are kept in APScheduler's rows as that
text, so that a newer version of a library can read what an older one wrote.
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
NEAR = timedelta(hours=26)  # no clock is put forward or back by more: a country once skipped a whole day


class Every(_Trigger):
    """A slot each `interval`, counted from 1970-01-01 00:00 UTC: time that passes, whatever the clocks show."""

    def __init__(self, interval: timedelta) -> None:
        """Slots of `interval`.

        Raises:
            ValueError: it is shorter than a second or longer than a year.
        """
        if not SHORTEST <= interval <= LONGEST:
            raise ValueError(f"every={interval} must be from 1 second to 366 days.")
        self.interval = interval

    def after(self, moment: datetime) -> datetime | None:
        """The first slot later than `moment` (both UTC)."""
        return self.newest(moment) + self.interval

    def newest(self, moment: datetime) -> datetime:
        """The last slot that is not later than `moment` (both UTC)."""
        return EPOCH + (moment - EPOCH) // self.interval * self.interval

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """The same, as APScheduler asks for it."""
        return self.after(previous_fire_time or now)

    def __str__(self) -> str:
        seconds = f"{self.interval.total_seconds():.6f}"
        return f"every {seconds.rstrip('0').rstrip('.')} s"

    def __getstate__(self) -> dict[str, Any]:
        return {"every": self.interval.total_seconds()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(timedelta(seconds=state["every"]))  # type: ignore[misc]  # how it is made is how it is restored


class Cron(_Trigger):
    """The slots of a line of cron, in a time zone.

    What happens when clocks are changed depends on the hour field, as with Debian's cron. If it begins with `*`, the
    job goes by time that passes: it runs in both of the repeated hours, and what a skipped hour held does not exist.
    Else it goes by the clock: a time that comes twice is due the first time only, and a time that is skipped is due
    as soon as the clock has skipped it.
    """

    def __init__(self, text: str, timezone: str = "UTC") -> None:
        """The slots of `text` (minute, hour, day of month, month, day of week).

        Raises:
            ValueError: the text is no line of cron, no day fits it, or the zone is unknown.
        """
        self.text, self.timezone = " ".join(text.split()), timezone
        try:
            self.zone = ZoneInfo(timezone)
        except (OSError, ValueError, KeyError):  # no such file, a path out of the folder, no such key
            raise ValueError(f"There is no time zone {timezone!r}. Write it as 'Europe/Berlin'.") from None
        lines = parse(text)
        self.by_passing_time = text.split()[1].startswith("*")
        # The fields are matched with what a clock on the wall shows; what that means in UTC is decided below.
        self.walls = [CronTrigger(**fields, second=0, timezone=UTC) for fields in lines]

    def after(self, moment: datetime) -> datetime | None:
        """The first slot later than `moment` (both UTC); None where the calendar ends."""
        shown = _shown(moment, self.zone)
        offsets = [self._offset(moment + distance) for distance in (-NEAR, timedelta(0), NEAR)]
        # What clocks have shown already they may show again, by as much as they are put back.
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
        """The last slot that is not later than `moment` (both UTC); None where there was none in forty years."""
        nothing_after, back = moment, timedelta(minutes=2)
        while (slot := self._due(moment - back, moment)) is None:
            nothing_after, back = moment - back, back * 4
            if back > timedelta(days=40 * 366):  # 29 February may be eight years away, a Monday of it forty
                return None
        while nothing_after - slot > timedelta(minutes=1):
            middle = slot + (nothing_after - slot) / 2
            following = self._due(middle, moment)
            nothing_after, slot = (middle, slot) if following is None else (nothing_after, following)
        return self._due(slot, moment) or slot

    def _due(self, start: datetime, end: datetime) -> datetime | None:
        """The first slot later than `start` and not later than `end`."""
        slot = self.after(start)
        return slot if slot is not None and slot <= end else None

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """The same as `after`, as APScheduler asks for it."""
        return self.after((previous_fire_time or now).astimezone(UTC))

    def _slots(self, wall: datetime) -> list[datetime]:
        """When a clock of the zone shows `wall`, in UTC: once, twice or never."""
        first, second = (wall.replace(tzinfo=self.zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        if first == second:
            return [first]
        if first < second:  # repeated
            return [first, second] if self.by_passing_time else [first]
        return [] if self.by_passing_time else [self._skip(second, first)]

    def _skip(self, before: datetime, after: datetime) -> datetime:
        """The moment between these two at which the clock is put forward."""
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
        self.__init__(state["cron"], state["timezone"])  # type: ignore[misc]  # how it is made is how it is restored


type Trigger = Every | Cron


def _shown(moment: datetime, zone: ZoneInfo) -> datetime:
    """What a clock of the zone shows at `moment`."""
    return moment.astimezone(zone).replace(tzinfo=None)
