"""Triggers in words."""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from keystone.scheduling.cron_text import WEEKDAYS, parse

UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def trigger_in_words(trigger: str) -> str:
    """Return a stored trigger in words; a cron expression that is hard to put into words is returned unchanged.

    Args:
        trigger: such as `every 60 s` or `cron 0 3 * * * Europe/Berlin`.
    """
    kind, _space, rest = trigger.partition(" ")
    if kind == "every":
        return _interval(rest.removesuffix(" s"))
    return _cron(rest.rpartition(" ")[0])


def zone_of(trigger: str) -> str:
    """Return the time zone of a trigger; empty if it has none."""
    return trigger.rpartition(" ")[2] if trigger.startswith("cron ") else ""


def _interval(text: str) -> str:
    seconds = float(text)
    for length, name in UNITS:
        count, rest = divmod(seconds, length)
        if count and not rest:
            return _every(name, int(count))
    return _("Every %(seconds)s seconds") % {"seconds": text}


def _every(unit: str, count: int) -> str:
    texts = {
        "day": ngettext("Every day", "Every %(count)d days", count),
        "hour": ngettext("Every hour", "Every %(count)d hours", count),
        "minute": ngettext("Every minute", "Every %(count)d minutes", count),
        "second": ngettext("Every second", "Every %(count)d seconds", count),
    }
    return texts[unit] % {"count": count}


def _cron(text: str) -> str:
    minute, hour, day, month, weekday = text.split()
    if month != "*":
        return text
    if (hour, day, weekday) == ("*", "*", "*"):
        if minute == "*":
            return _every("minute", 1)
        if minute.startswith("*/") and 60 % int(minute[2:]) == 0:
            return _every("minute", int(minute[2:]))
        return _("Every hour at minute %(minute)s") % {"minute": minute} if minute.isdigit() else text
    if not (minute.isdigit() and hour.isdigit()):
        return text
    values = {"time": f"{int(hour):02}:{int(minute):02}", "day": day}
    if (day, weekday) == ("*", "*"):
        return _("Every day at %(time)s") % values
    if day == "*":
        return _("%(days)s at %(time)s") % {**values, "days": _weekdays(text)}
    if weekday == "*" and day.isdigit():
        return _("Every month on day %(day)s at %(time)s") % values
    return text


def _weekdays(text: str) -> str:
    names = {
        "sun": _("Sunday"),
        "mon": _("Monday"),
        "tue": _("Tuesday"),
        "wed": _("Wednesday"),
        "thu": _("Thursday"),
        "fri": _("Friday"),
        "sat": _("Saturday"),
    }
    chosen = parse(text)[0]["day_of_week"].split(",")
    if chosen == list(WEEKDAYS[1:6]):
        return pgettext("days of the week", "Monday to Friday")
    # List the days from Monday.
    return ", ".join(names[day] for day in (*WEEKDAYS[1:], WEEKDAYS[0]) if day in chosen)
