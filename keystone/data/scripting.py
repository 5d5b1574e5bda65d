"""Run scripts."""

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils.translation import gettext

from keystone.actors.actor import Actor
from keystone.data.declarations import Script
from keystone.data.models import DataRun, Kind
from keystone.data.recording import Counts, exclusive, recorded, succeed
from keystone.data.registry import named, scripts
from keystone.data.seeding import NoCount
from keystone.text.escaping import escaped

COUNTED = frozenset({"read", "written", "unchanged", "refused"})


def run_script(
    name: str,
    *,
    by: Actor,
    source: Path | None = None,
    output: Path | None = None,
    pipeline: DataRun | None = None,
    step: str = "",
) -> DataRun:
    """Run a script, in one transaction unless it was declared otherwise.

    Args:
        by: who runs it.
        source: the path to read from.
        output: the path to write to.
        pipeline, step: the pipeline's run and the step's name if the script is a step of a pipeline.

    Raises:
        Unknown: there is no such script.
        NoCount: it returned neither None, nor a number of rows, nor a mapping of such numbers.
        AlreadyRuns: it is already running.
        Exception: any error of the script.
    """
    script = named(scripts(), Kind.SCRIPT, name)
    options = {key: escaped(str(path)) for key, path in (("source", source), ("output", output)) if path is not None}
    with (
        exclusive(Kind.SCRIPT, name),
        recorded(Kind.SCRIPT, name, by=by, options=options, pipeline=pipeline, step=step) as run,
        transaction.atomic() if script.atomic else nullcontext(),
    ):
        succeed(run, _counts(script, script.function(source=source, output=output)))
    return run


def _counts(script: Script, result: Any) -> Counts:
    if result is None:
        return Counts()
    given = {"written": result} if isinstance(result, int) else result
    is_counted = isinstance(given, Mapping) and set(given) <= COUNTED
    if not is_counted or not all(isinstance(number, int) and number >= 0 for number in given.values()):
        text = gettext("%(source)s must return a number of rows, or a mapping with some of %(names)s.")
        raise NoCount(text % {"source": script.source, "names": ", ".join(sorted(COUNTED))})
    return Counts(**given)
