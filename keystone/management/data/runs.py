"""Print a run, including a failed one."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.management.base import CommandError
from django.db import InterfaceError, OperationalError
from django.utils.translation import gettext

from keystone.console.printing import printable
from keystone.console.refusing import refusals_told
from keystone.data.models import DataRun, Kind
from keystone.data.pipelines import PipelineFailed
from keystone.exceptions import Refusal
from keystone.text.one_line import in_one_line

STOPPED = 130  # exit status after Ctrl-C, as in shells
logger = logging.getLogger("keystone.data")
EXPECTED = (Refusal, ValidationError, ImproperlyConfigured, OperationalError, InterfaceError, CommandError)


def in_words(run: DataRun) -> str:
    """Return the numbers of rows by what happened to them, without zeros."""
    numbers = {
        gettext("%(number)d read"): run.rows_read,
        gettext("%(number)d written"): run.rows_written,
        gettext("%(number)d unchanged"): run.rows_unchanged,
        gettext("%(number)d refused"): run.rows_refused,
    }
    said = [text % {"number": number} for text, number in numbers.items() if number]
    return gettext("rows: %(numbers)s") % {"numbers": ", ".join(said)} if said else gettext("no rows counted")


def as_data(run: DataRun) -> dict[str, Any]:
    """Return a run as data for JSON."""
    return {
        "run": run.pk,
        "kind": run.kind,
        "name": run.name,
        "state": run.state,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "read": run.rows_read,
        "written": run.rows_written,
        "unchanged": run.rows_unchanged,
        "refused": run.rows_refused,
    }


@contextmanager
def failures_told(kind: Kind, name: str, *, stopped: str = "") -> Iterator[None]:
    """Turn any error in the block into one line. The traceback of an unexpected error is logged.

    Args:
        kind, name: what the block runs.
        stopped: text to add to the message after Ctrl-C.

    Raises:
        CommandError: with that line.
    """
    with refusals_told():
        try:
            yield
        except PipelineFailed as failed:  # its message says what failed
            if failed.__cause__ is not None and not isinstance(failed.__cause__, EXPECTED):
                logger.exception("step %s of the pipeline %s failed", failed.step.name, name, exc_info=failed.__cause__)
            raise
        except EXPECTED:
            raise
        except KeyboardInterrupt:
            text = gettext("The %(kind)s %(name)s was stopped.") % {"kind": kind.label, "name": name}
            raise CommandError(printable(f"{text} {stopped}".strip()), returncode=STOPPED) from None
        except Exception as error:
            logger.exception("the %s %s failed", kind.value, name)
            said = type(error).__name__ if not str(error) else f"{type(error).__name__}: {in_one_line(error)}"
            text = gettext("The %(kind)s %(name)s failed: %(said)s")
            raise CommandError(printable(text % {"kind": kind.label, "name": name, "said": said})) from None
