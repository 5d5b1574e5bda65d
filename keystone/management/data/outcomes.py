"""Print the result of an import or of a dry run."""

from datetime import date
from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext, ngettext

from keystone.console.printing import print_json, print_table, printable
from keystone.data.models import State
from keystone.data.outcomes import Changed, ImportResult
from keystone.management.data.runs import as_data

LONGEST = 60  # characters of a value in a table


def print_outcome(command: BaseCommand, imported: ImportResult) -> None:
    """Print the result of an import or a trial as JSON."""
    run, counts = imported.run, as_data(imported.run)
    is_kept = run.state == State.SUCCEEDED  # otherwise everything was rolled back
    print_json(
        command.stdout,
        {
            **counts,
            "trial": run.is_trial,
            "created": imported.created if is_kept else 0,
            "emptied": imported.emptied if is_kept else 0,
            "skipped_empty": imported.skipped_empty,
            "refused_file": None if imported.refused_file is None else str(imported.refused_file),
            "changes": [_change_as_data(change) for change in imported.changes] if is_kept else [],
            "refusals": [{"row": refused.row, "reason": refused.reason} for refused in imported.refusals],
        },
    )


def print_trial(command: BaseCommand, imported: ImportResult) -> None:
    """Print row by row what an import would change and refuse, with totals."""
    out, counts = command.stdout, imported.counts
    if imported.changes:
        what = {True: gettext("new"), False: gettext("changed")}
        rows = [(change.row, what[change.is_new], _change_in_words(change)) for change in imported.changes]
        print_table(out, (gettext("Row"), gettext("What"), gettext("Values")), rows)
    _print_left_out(command, counts.written - len(imported.changes))
    if imported.refusals:
        refusals = [(refused.row, refused.reason) for refused in imported.refusals]
        print_table(out, (gettext("Row"), gettext("Refused because")), refusals)
    _print_left_out(command, counts.refused - len(imported.refusals))
    if imported.emptied:
        text = ngettext(
            "%(count)d existing row would be deleted first.",
            "%(count)d existing rows would be deleted first.",
            imported.emptied,
        )
        out.write(text % {"count": imported.emptied})
    text = gettext(
        "%(read)d read: %(created)d would be new, %(changed)d changed, %(unchanged)d unchanged, %(refused)d refused."
    )
    out.write(text % _numbers(imported))
    _print_skipped(command, imported)
    _print_file(command, imported)


def print_import(command: BaseCommand, imported: ImportResult, *, resumed: bool) -> None:
    """Print what an import did.

    Args:
        resumed: whether it continued another import; it is unknown then how many rows of that one were new.
    """
    if imported.emptied:
        text = ngettext("%(count)d row was deleted first.", "%(count)d rows were deleted first.", imported.emptied)
        command.stdout.write(text % {"count": imported.emptied})
    text = gettext("%(read)d read: %(created)d new, %(changed)d changed, %(unchanged)d unchanged, %(refused)d refused.")
    if resumed:
        text = gettext("%(read)d read in total: %(written)d written, %(unchanged)d unchanged, %(refused)d refused.")
    command.stdout.write(text % _numbers(imported))
    _print_skipped(command, imported)
    print_refusals(command, imported)
    _print_file(command, imported)


def print_refusals(command: BaseCommand, imported: ImportResult) -> None:
    """Print the reasons for the first refused rows on stderr."""
    for refused in imported.refusals:
        text = gettext("row %(row)d: %(reason)s") % {"row": refused.row, "reason": refused.reason}
        command.stderr.write(printable(text))
    _print_left_out(command, imported.counts.refused - len(imported.refusals))


def _print_file(command: BaseCommand, imported: ImportResult) -> None:
    if imported.refused_file is not None:
        text = gettext("The refused rows are in %(file)s, with the reasons.")
        command.stdout.write(printable(text % {"file": imported.refused_file}))


def _print_skipped(command: BaseCommand, imported: ImportResult) -> None:
    if imported.skipped_empty:
        text = ngettext(
            "%(count)d empty row was skipped.", "%(count)d empty rows were skipped.", imported.skipped_empty
        )
        command.stdout.write(text % {"count": imported.skipped_empty})


def _print_left_out(command: BaseCommand, count: int) -> None:
    if count > 0:
        text = ngettext(
            "%(count)d more row is not listed; --show lists more.",
            "%(count)d more rows are not listed; --show lists more.",
            count,
        )
        command.stderr.write(text % {"count": count})


def _numbers(imported: ImportResult) -> dict[str, int]:
    counts = imported.counts
    return {
        "read": counts.read,
        "written": counts.written,
        "created": imported.created,
        "changed": counts.written - imported.created,
        "unchanged": counts.unchanged,
        "refused": counts.refused,
    }


def _change_in_words(change: Changed) -> str:
    if change.is_new:
        return "; ".join(f"{column}: {_short(after)}" for column, (_before, after) in change.values.items())
    return "; ".join(
        f"{column}: {_short(before)} → {_short(after)}" for column, (before, after) in change.values.items()
    )


def _short(value: Any) -> str:
    text = "" if value is None else str(value)
    if not text:
        return "“”"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _change_as_data(change: Changed) -> dict[str, Any]:
    values = {
        column: {"before": _plain(before), "after": _plain(after)} for column, (before, after) in change.values.items()
    }
    return {"row": change.row, "is_new": change.is_new, "values": values}


def _plain(value: Any) -> Any:
    """Return a value for JSON. Other types, such as related objects, are converted to strings."""
    return value if value is None or isinstance(value, str | int | float | Decimal | date) else str(value)
