"""`manage.py data pipeline`."""

import json
import logging
from pathlib import Path

import pytest
from django.contrib.auth.models import Group
from import_export.resources import ModelResource

from keystone.data.declarations import Step
from keystone.data.models import DataRun, Kind, State
from keystone.data.recording import exclusive
from keystone.data.registry import importer, pipeline, script, seeder
from keystone.exceptions import Refusal
from tests.accounts.typed import Terminal
from tests.data.commanding import offered, refusal, said
from tests.served.server import process_environment

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning"),
]
Said = pytest.CaptureFixture[str]


class GroupResource(ModelResource):  # type: ignore[type-arg]  # at run time it takes no argument
    """Groups by their names."""

    class Meta:
        model = Group
        import_id_fields = ("name",)
        fields = ("name",)


@pytest.fixture
def obstacle() -> list[Exception]:
    """What the script of the pipeline stumbles over."""
    return []


@pytest.fixture
def nightly(declared_alone: None, obstacle: list[Exception]) -> None:
    """A pipeline that imports groups, makes some, and then reports; and one of a single step."""
    importer("groups")(GroupResource)

    @seeder("more")
    def more(*, count: int) -> int:
        return len(Group.objects.bulk_create(Group(name=f"Made {number}") for number in range(count)))

    @script("report")
    def report(*, source: Path | None, output: Path | None) -> dict[str, int]:
        if obstacle:
            raise obstacle[0]
        return {"read": Group.objects.count()}

    pipeline(
        "nightly",
        description="What is done each night.",
        steps=[
            Step.script("report", after=("load", "more")),
            Step.importer("groups", name="load"),
            Step.seeder("more", count=2, after=("load",)),
        ],
    )
    pipeline("short", steps=[Step.seeder("more", count=1)])


@pytest.fixture
def groups(tmp_path: Path) -> Path:
    path = tmp_path / "groups=all.csv"
    path.write_text("name\nReaders\nWriters\n")
    return path


def test_they_are_listed_with_their_steps_in_order(nightly: None, capsys: Said) -> None:
    assert said(capsys, "pipeline", "list").splitlines() == [
        "nightly  What is done each night.",
        "   Step    Kind      Runs    After",
        "1  load    importer  groups",
        "2  more    seeder    more    load",
        "3  report  script    report  load, more",
        "",
        "short",
        "   Step  Kind    Runs  After",
        "1  more  seeder  more",
    ]
    listed = json.loads(said(capsys, "pipeline", "list", "--json"))["pipelines"]
    assert [one["name"] for one in listed] == ["nightly", "short"]
    assert listed[0]["description"] == "What is done each night."
    assert listed[0]["steps"][2] == {"name": "report", "kind": "script", "runs": "report", "after": ["load", "more"]}


def test_it_is_said_that_there_is_none(declared_alone: None, capsys: Said) -> None:
    assert said(capsys, "pipeline", "list") == "No app declares a pipeline.\n"


def test_each_step_is_said_as_it_ends(nightly: None, groups: Path, capsys: Said) -> None:
    there = Group.objects.count()
    assert said(capsys, "pipeline", "run", "nightly", "--file", f"load={groups}").splitlines() == [
        "1 of 3: load is done; rows: 2 read, 2 written.",
        "2 of 3: more is done; rows: 2 written.",
        f"3 of 3: report is done; rows: {there + 4} read.",
        f"nightly is done; rows: {there + 6} read, 4 written.",
    ]
    assert set(Group.objects.values_list("name", flat=True)) >= {"Readers", "Writers", "Made 0", "Made 1"}


def test_a_run_is_told_as_json(nightly: None, groups: Path, capsys: Said) -> None:
    told = json.loads(said(capsys, "pipeline", "run", "nightly", "--file", f"load={groups}", "--json"))
    run = DataRun.objects.get(kind=Kind.PIPELINE)
    assert (told["run"], told["kind"], told["name"], told["state"]) == (run.pk, "pipeline", "nightly", "succeeded")
    assert told["written"] == 4
    steps = [(one["step"], one["kind"], one["name"], one["read"], one["written"]) for one in told["steps"][:2]]
    assert steps == [("load", "importer", "groups", 2, 2), ("more", "seeder", "more", 0, 2)]
    assert {one["run"] for one in told["steps"]} == set(run.steps.values_list("pk", flat=True))


def test_a_step_that_fails_is_told_with_how_to_go_on(
    nightly: None, groups: Path, obstacle: list[Exception], capsys: Said, caplog: pytest.LogCaptureFixture
) -> None:
    obstacle.append(Refusal("The printer\nis away."))
    how = (
        "Step 3 of 3 (report) failed: The printer is away. The steps before it are done and stay. When that is fixed, "
        "continue with: manage.py data pipeline run nightly --from report"
    )
    assert refusal("pipeline", "run", "nightly", "--file", f"load={groups}") == how
    assert capsys.readouterr().out.splitlines() == [
        "1 of 3: load is done; rows: 2 read, 2 written.",
        "2 of 3: more is done; rows: 2 written.",
    ]
    assert refusal("pipeline", "run", "nightly", "--from", "report", "--json") == how
    told = json.loads(capsys.readouterr().out)
    assert told == {"name": "nightly", "state": "failed", "failed": {"step": "report", "said": how}, "steps": []}
    assert [record for record in caplog.records if record.name == "keystone.data"] == []
    obstacle.clear()
    there = Group.objects.count()
    assert said(capsys, "pipeline", "run", "nightly", "--from", "report").splitlines() == [
        f"3 of 3: report is done; rows: {there} read.",
        f"nightly is done; rows: {there} read.",
    ]


def test_what_nobody_expected_is_traced_in_the_log(
    nightly: None, groups: Path, obstacle: list[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    obstacle.append(ZeroDivisionError("division by zero"))
    text = "Step 3 of 3 (report) failed: ZeroDivisionError: division by zero "
    assert refusal("pipeline", "run", "nightly", "--file", f"load={groups}").startswith(text)
    [record] = [record for record in caplog.records if record.name == "keystone.data"]
    assert (record.levelno, record.getMessage()) == (logging.ERROR, "step report of the pipeline nightly failed")
    assert record.exc_info is not None
    assert record.exc_info[1] is obstacle[0]
    assert DataRun.objects.get(kind=Kind.SCRIPT).state == State.FAILED


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["weekly"], "There is no pipeline called weekly. Known: nightly, short."),
        (["nightly"], "The step load needs a file: --file load=PATH"),
        (
            ["nightly", "--from", "groups"],
            "The pipeline nightly has no step groups. Its steps are: load, more, report.",
        ),
        (
            ["nightly", "--file", "groups=a.csv"],
            "The pipeline nightly has no step groups. Its steps are: load, more, report.",
        ),
        (["nightly", "--file", "more=a.csv"], "The step more is a seeder, which reads no file."),
        (["nightly", "--file", "load"], "--file: “load” does not have the form STEP=PATH."),
        (["nightly", "--file", "=a.csv"], "--file: “=a.csv” does not have the form STEP=PATH."),
        (["nightly", "--file", "load= "], "--file: “load= ” does not have the form STEP=PATH."),
        (["nightly", "--file", "load=a.csv", "--file", "load=b.csv"], "--file: “load” is given twice."),
        (
            ["nightly", "--file", "load=/nowhere/a.csv"],
            (
                "Step 1 of 3 (load) failed: /nowhere/a.csv: There is no such file. When that is fixed, continue with: "
                "manage.py data pipeline run nightly --from load --file load=/nowhere/a.csv"
            ),
        ),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(nightly: None, arguments: list[str], error: str) -> None:
    there = Group.objects.count()
    assert refusal("pipeline", "run", *arguments) == error
    assert Group.objects.count() == there


def test_it_is_refused_while_it_runs(nightly: None) -> None:
    with exclusive(Kind.PIPELINE, "short"):
        assert (
            refusal("pipeline", "run", "short")
            == "The pipeline short is already running. Try again when it has finished."
        )


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_on_a_terminal_a_bar_is_shown_and_no_line_is_written_into_it(tmp_path: Path) -> None:
    path = tmp_path / "groups.csv"
    path.write_text("name\nNew\n")
    code = f"""if True:
        from django.core.management import call_command
        from keystone.data.declarations import Step
        from keystone.data.registry import pipeline
        from tests.data import trial_groups
        steps = [Step.importer("trial-groups", name=name, file={str(path)!r}) for name in ("once", "again")]
        pipeline("trial", steps=steps)
        call_command("data", "pipeline", "run", "trial")
    """
    with Terminal("shell", "-v", "0", "-c", code, environment=process_environment(tmp_path, {})) as shell:
        assert shell.end() == 0, shell.shown
    lines = [line for line in shell.shown.splitlines() if line]
    assert [line.partition(" ")[0] for line in lines] == ["Rows", "1", "Rows", "2", "trial"]
    assert [line for line in lines if not line.startswith("Rows ")] == [
        "1 of 2: once is done; rows: 1 read, 1 written.",
        "2 of 2: again is done; rows: 1 read, 1 unchanged.",
        "trial is done; rows: 2 read, 1 written, 1 unchanged.",
    ]


def test_names_and_steps_are_offered(nightly: None, capsys: Said) -> None:
    assert offered(capsys, "data pipeline run ") == ["nightly", "short"]
    assert offered(capsys, "data pipeline run sh") == ["short"]
    assert offered(capsys, "data pipeline run nightly --from ") == ["load", "more", "report"]
    assert offered(capsys, "data pipeline run nightly --from re") == ["report"]
    assert offered(capsys, "data pipeline run weekly --from ") == []
    assert offered(capsys, "data pipeline run --from ") == []
