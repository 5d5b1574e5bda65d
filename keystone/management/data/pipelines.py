"""`data pipeline`: run importers, seeders and scripts in order."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_typer.management import TyperCommand, group
from typer import Argument, Option

from keystone.actors.actor import Actor
from keystone.console.options import Json
from keystone.console.printing import print_json, print_table, printable
from keystone.console.progress import progress_shown
from keystone.console.refusing import refusals_told
from keystone.data.declarations import Pipeline
from keystone.data.models import Kind
from keystone.data.pipelines import PipelineFailed, StepDone, run_pipeline
from keystone.data.registry import pipelines
from keystone.management.data.completing import complete_pipeline, complete_step
from keystone.management.data.options import pairs
from keystone.management.data.runs import as_data, failures_told, in_words


class Pipelines(TyperCommand):
    """The `pipeline` group."""

    @group(name="pipeline", help=str(_("Run importers, seeders and scripts in sequence.")))
    def pipeline(self) -> None:
        """Do nothing: the commands have no common options."""

    @pipeline.command(name="list", help=str(_("List the pipelines and their steps.")))
    def list_pipelines(self, *, as_json: Json = False) -> None:
        """Print the pipelines.

        Raises:
            CommandError: a declaration is wrong.
        """
        with refusals_told():
            found = [pipeline for _name, pipeline in sorted(pipelines().items())]
        if as_json:
            print_json(self.stdout, {"pipelines": [_as_data(pipeline) for pipeline in found]})
            return
        if not found:
            self.stdout.write(gettext("No app declares a pipeline."))
        headings = ("", gettext("Step"), gettext("Kind"), gettext("Runs"), gettext("After"))
        for place, pipeline in enumerate(found):
            self.stdout.write(("\n" if place else "") + printable(f"{pipeline.name}  {pipeline.description}".strip()))
            rows = [
                (number, step.name, step.kind.label, step.runs, ", ".join(step.after))
                for number, step in enumerate(pipeline.steps, 1)
            ]
            print_table(self.stdout, headings, rows)

    @pipeline.command(name="run", help=str(_("Run a pipeline until a step fails.")))
    def run_steps(
        self,
        name: Annotated[str, Argument(help=str(_("The pipeline.")), shell_complete=complete_pipeline)],
        *,
        start: Annotated[
            str,
            Option(
                "--from",
                metavar="STEP",
                help=str(_("Start with this step, skipping those before it.")),
                shell_complete=complete_step,
            ),
        ] = "",
        file: Annotated[
            list[str] | None,
            Option("--file", metavar="STEP=PATH", help=str(_("The file that a step reads; can be repeated."))),
        ] = None,
        as_json: Json = False,
    ) -> None:
        """Run the steps, and report each when it is done.

        Raises:
            CommandError: there is no such pipeline or step, it is already running, or a step failed; the message then
                says how to continue.
        """
        given = pairs(file, option="--file", form="STEP=PATH", sign="first")
        files = {step: Path(path) for step, path in given.items()}
        done: list[StepDone] = []
        data: dict[str, Any] = {}
        with failures_told(Kind.PIPELINE, name), ExitStack() as bars:
            said = self._saying(done, bars, as_json=as_json)
            try:
                run = run_pipeline(name, by=Actor.cli(), start=start, files=files, shown=_showing(bars), said=said)
            except PipelineFailed as failed:
                bars.close()
                data = {"name": name, "state": "failed", "failed": {"step": failed.step.name, "said": failed.detail}}
                raise
            else:
                data = as_data(run)
            finally:
                if as_json and data:
                    print_json(
                        self.stdout, {**data, "steps": [{"step": one.step.name, **as_data(one.run)} for one in done]}
                    )
        if not as_json:
            self.stdout.write(gettext("%(name)s is done; %(rows)s.") % {"name": name, "rows": in_words(run)})

    def _saying(self, done: list[StepDone], bars: ExitStack, *, as_json: bool) -> Callable[[StepDone], None]:
        def say(step: StepDone) -> None:
            done.append(step)
            bars.close()  # otherwise the line would overwrite the progress bar
            if not as_json:
                text = gettext("%(place)d of %(of)d: %(step)s is done; %(rows)s.")
                values = {"place": step.place, "of": step.of, "step": step.step.name, "rows": in_words(step.run)}
                self.stdout.write(text % values)
                self.stdout.flush()

        return say


def _showing(bars: ExitStack) -> Callable[[str, int, int], None]:
    """Return a function that shows the progress of a step. Each step gets a progress bar, which `bars` closes."""
    shown: list[Callable[[str, int, int], None]] = []

    def show(step: str, done: int, total: int) -> None:
        if not shown:
            shown.append(bars.enter_context(progress_shown()))
            bars.callback(shown.clear)
        shown[0](step, done, total)

    return show


def _as_data(pipeline: Pipeline) -> dict[str, Any]:
    steps = [
        {"name": step.name, "kind": step.kind.value, "runs": step.runs, "after": step.after} for step in pipeline.steps
    ]
    return {"name": pipeline.name, "description": pipeline.description, "steps": steps}
