"""Run a pipeline step by step until one fails."""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext

from keystone.actors.actor import Actor
from keystone.data.declarations import Pipeline, Step
from keystone.data.importing import run_import
from keystone.data.models import DataRun, Kind
from keystone.data.outcomes import ImportOptions
from keystone.data.reasons import reason_of
from keystone.data.recording import Counts, exclusive, keep, recorded
from keystone.data.registry import named, pipelines, seeders
from keystone.data.scripting import run_script
from keystone.data.seeding import refuse_on_servers, run_seeder
from keystone.exceptions import Refusal
from keystone.text.escaping import escaped


class WrongStep(Refusal):
    """A step does not exist in the pipeline, or lacks something that it needs."""

    code = "wrong_step"


class PipelineFailed(Refusal):
    """A step failed. Earlier steps are done, later ones were not started."""

    code = "pipeline_failed"

    def __init__(self, message: str, *, step: Step) -> None:
        super().__init__(message)
        self.step = step


@dataclass(frozen=True, kw_only=True)
class StepDone:
    """A completed step.

    Attributes:
        place: the position of the step, starting at 1.
        run: the recorded run.
    """

    step: Step
    place: int
    of: int
    run: DataRun


def run_pipeline(
    name: str,
    *,
    by: Actor,
    start: str = "",
    files: Mapping[str, Path] | None = None,
    shown: Callable[[str, int, int], None] = lambda _step, _done, _total: None,
    said: Callable[[StepDone], None] = lambda _done: None,
) -> DataRun:
    """Run the steps of a pipeline in order, and stop at the first that fails.

    Args:
        by: who runs it.
        start: the first step to run; earlier ones are skipped.
        files: files by step, which override the declared ones.
        shown: called with the progress of an import.
        said: called with each completed step.

    Raises:
        Unknown: there is no such pipeline.
        WrongStep: `start` or `files` name an unknown step, or a step lacks its file.
        NotOnServers: one of its seeders may not run here.
        AlreadyRuns: it is already running.
        PipelineFailed: a step failed; the message says how to continue.
    """
    pipeline = named(pipelines(), Kind.PIPELINE, name)
    given = dict(files or {})
    first = _look_before(pipeline, start, given)
    with exclusive(Kind.PIPELINE, name):
        options = {"start": start, "files": {step: escaped(str(path)) for step, path in given.items()}}
        with recorded(Kind.PIPELINE, name, by=by, options=options) as run:
            counts = Counts()
            for place, step in enumerate(pipeline.steps[first:], first + 1):
                try:
                    done = _run(step, given.get(step.name), by=by, pipeline=run, shown=shown)
                except Exception as error:
                    raise PipelineFailed(_how_to_go_on(pipeline, place, given, error), step=step) from error
                counts += Counts.of(done)
                keep(run, counts)
                said(StepDone(step=step, place=place, of=len(pipeline.steps), run=done))
    return run


def _look_before(pipeline: Pipeline, start: str, files: Mapping[str, Path]) -> int:
    """Raise errors that can be predicted before anything runs, and return the index of the first step."""
    names = [step.name for step in pipeline.steps]
    for name in [*([start] if start else []), *files]:
        if name not in names:
            text = gettext("The pipeline %(pipeline)s has no step %(step)s. Its steps are: %(steps)s.")
            raise WrongStep(text % {"pipeline": pipeline.name, "step": name, "steps": ", ".join(names)})
    first = names.index(start) if start else 0
    for step in pipeline.steps:
        if step.name in files and step.kind is Kind.SEEDER:
            raise WrongStep(gettext("The step %(step)s is a seeder, which reads no file.") % {"step": step.name})
    for step in pipeline.steps[first:]:
        if step.kind is Kind.SEEDER:
            refuse_on_servers(named(seeders(), Kind.SEEDER, step.runs))
        elif step.kind is Kind.IMPORTER and step.name not in files and not step.options.get("file"):
            text = gettext("The step %(step)s needs a file: --file %(step)s=PATH")
            raise WrongStep(text % {"step": step.name})
    return first


def _run(
    step: Step, file: Path | None, *, by: Actor, pipeline: DataRun, shown: Callable[[str, int, int], None]
) -> DataRun:
    options = dict(step.options)
    if step.kind is Kind.SEEDER:
        return run_seeder(step.runs, count=options["count"], by=by, pipeline=pipeline, step=step.name)
    if step.kind is Kind.SCRIPT:
        source, output = file or _path(options.get("source")), _path(options.get("output"))
        return run_script(step.runs, by=by, source=source, output=output, pipeline=pipeline, step=step.name)
    path = file or _path(options["file"])
    wanted = ImportOptions(**{**options, "file": path})
    return run_import(step.runs, wanted, by=by, shown=shown, pipeline=pipeline, step=step.name).run


def _path(given: str | Path | None) -> Path | None:
    """Resolve a declared path relative to the project's folder."""
    return None if given is None else Path(settings.BASE_DIR) / given


def _how_to_go_on(pipeline: Pipeline, place: int, files: Mapping[str, Path], error: Exception) -> str:
    step = pipeline.steps[place - 1]
    text = gettext("Step %(place)d of %(of)d (%(step)s) failed: %(why)s")
    why = text % {"place": place, "of": len(pipeline.steps), "step": step.name, "why": reason_of(error)}
    before = gettext("The steps before it are done and stay.") if place > 1 else ""
    command = ["manage.py", "data", "pipeline", "run", pipeline.name, "--from", step.name]
    for later in pipeline.steps[place - 1 :]:
        command += ["--file", f"{later.name}={files[later.name]}"] if later.name in files else []
    then = gettext("When that is fixed, continue with: %(command)s") % {"command": shlex.join(command)}
    return " ".join(filter(None, [why, before, then]))
