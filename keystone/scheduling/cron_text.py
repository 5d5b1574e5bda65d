"""Parse cron expressions with cron's own meaning; APScheduler differs in places.

APScheduler numbers weekdays from Monday, cron from Sunday. APScheduler requires the day of the month *and* the weekday
to match; cron requires only one of them if both are given.
"""

import re
from calendar import monthrange

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
# Each field with its smallest and largest number, and its names starting with the smallest.
FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day", 1, 31, ()),
    ("month", 1, 12, MONTHS),
    ("day_of_week", 0, 7, WEEKDAYS),  # 0 and 7 are Sunday
)
_PART = re.compile(r"(?:(?P<all>\*)|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>\d+))?", re.ASCII)
LEAP_YEAR = 2028


def parse(text: str) -> list[dict[str, str]]:
    """Parse `text` into arguments for APScheduler's CronTrigger: one set, or two of which one must match.

    Raises:
        ValueError: the text is not a valid cron expression, or no day of any year matches it.
    """
    words = text.split()
    if len(words) != len(FIELDS):
        hint = "minute, hour, day of month, month, day of week, such as '30 3 * * mon-fri'"
        raise ValueError(f"cron={text!r} has {len(words)} fields. It needs five: {hint}.")
    values = {field[0]: _values(word, *field, text=text) for field, word in zip(FIELDS, words, strict=True)}
    everything = {name: ",".join(map(str, numbers)) for name, numbers in values.items()}
    everything["day_of_week"] = ",".join(
        WEEKDAYS[number] for number in sorted({day % 7 for day in values["day_of_week"]})
    )
    # As in cron, a field that starts with a star does not count as restricted here, even if it has a step.
    if words[2].startswith("*") or words[4].startswith("*"):
        _refuse_never(text, values)
        return [everything]
    by_weekday = {**everything, "day": "*"}
    by_day = {**everything, "day_of_week": "*"}
    return [by_day, by_weekday]


def _values(word: str, name: str, smallest: int, largest: int, names: tuple[str, ...], *, text: str) -> list[int]:
    """Return the numbers that a field allows."""
    wrong = f"cron={text!r}: {word!r} is no {name.replace('_', ' ')}"
    known = {name: number for number, name in enumerate(names, smallest)}

    def number(part: str) -> int:
        value = known.get(part.lower())
        if value is None and not part.isdigit():
            raise ValueError(f"{wrong}: {part!r} is neither a number nor a name that cron knows.")
        value = int(part) if value is None else value
        if not smallest <= value <= largest:
            raise ValueError(f"{wrong}: {value} is not between {smallest} and {largest}.")
        return value

    allowed: set[int] = set()
    for part in word.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise ValueError(f"{wrong}. Known are *, 5, 1-5, */10, 0-30/5, and these with commas between.")
        first, last = match["first"], match["last"]
        if match["step"] and first and not last:
            raise ValueError(
                f"{wrong}: a step needs a range or a star before it, such as {first}-{largest}/{match['step']}."
            )
        start = smallest if match["all"] else number(first)
        end = (6 if name == "day_of_week" else largest) if match["all"] else number(last) if last else start
        if name == "day_of_week" and end == 0 < start:
            end = 7  # `fri-sun`
        step = int(match["step"] or 1)
        if start > end or step < 1:
            raise ValueError(f"{wrong}: {part!r} holds nothing.")
        allowed.update(range(start, end + 1, step))
    return sorted(allowed)


def _refuse_never(text: str, values: dict[str, list[int]]) -> None:
    """Refuse dates that never occur, such as 31 February."""
    longest = max(monthrange(LEAP_YEAR, month)[1] for month in values["month"])
    if min(values["day"]) > longest:
        raise ValueError(f"cron={text!r} never comes: none of these months has that day.")
