"""The pages of what was run on data."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from keystone.accounts.models import User
from keystone.data.admin import STATE_COLOURS
from keystone.data.admin_options import options_in_words
from keystone.data.models import DataRun, Kind, State
from keystone.testing.factories import approver
from tests.approval.admin_pages import browser

pytestmark = pytest.mark.django_db
RUNS = "/admin/keystone/datarun/"
START = datetime(2026, 11, 24, 3, tzinfo=UTC)


def page_of(run: DataRun) -> str:
    return f"{RUNS}{run.pk}/change/"


def text(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return str(response.content.decode())


def listed(client: Client, query: str = "") -> list[str]:
    return [run.name for run in client.get(f"{RUNS}{query}").context["cl"].result_list]


def ran(
    name: str, kind: Kind = Kind.IMPORTER, state: State = State.SUCCEEDED, *, hours: int = 0, **fields: Any
) -> DataRun:
    start = START - timedelta(hours=hours)
    fields = {"by": "root", "finished_at": start + timedelta(seconds=3), **fields}
    return DataRun.objects.create(name=name, kind=kind, state=state, started_at=start, **fields)


@pytest.fixture
def nightly() -> DataRun:
    """A pipeline of two steps, the second of which failed."""
    run = ran(
        "nightly", Kind.PIPELINE, State.FAILED, error="Step 2 of 2 (tidy) failed: <b>no room</b>", rows_written=1200
    )
    ran("people", pipeline=run, step="load", rows_read=1500, rows_written=1200, rows_unchanged=297, rows_refused=3)
    ran("sweep", Kind.SCRIPT, State.FAILED, pipeline=run, step="tidy", error="no room")
    return run


def test_the_list_says_what_was_run_and_what_came_of_it(root: User) -> None:
    ran("people", rows_read=15000, rows_written=12000, rows_unchanged=2997, rows_refused=3, is_trial=True)
    page = text(browser(root), RUNS)
    for words in (
        "people",
        "importer",
        "Succeeded · dry run",
        "root",
        "24 Nov 2026, 03:00",
        "3.0 s",
        "15,000",
        "12,000",
        "2,997",
        '<span class="k-warn">3</span>',
    ):
        assert words in page
    DataRun.objects.update(state=State.RUNNING, finished_at=None, is_trial=False, rows_refused=0)
    page = text(browser(root), RUNS)
    assert "Running" in page
    assert "dry run" not in page
    assert "k-warn" not in page


def test_steps_are_listed_once_somebody_looks_for_them(nightly: DataRun, root: User) -> None:
    ran("people", hours=4)
    client = browser(root)
    assert listed(client) == ["nightly", "people"]
    assert listed(client, "?started_at_from=2026-11-24") == ["nightly"]
    assert "step load of nightly" not in text(client, RUNS)
    assert listed(client, "?q=PEOP") == ["people", "people"]
    assert listed(client, "?kind=script") == ["sweep"]
    assert listed(client, "?state=failed") == ["sweep", "nightly"]
    assert listed(client, "?name=people") == ["people", "people"]
    assert listed(client, "?name=people&state=failed") == []
    assert "step load of nightly" in text(client, f"{RUNS}?name=people")


def test_the_names_to_choose_from_are_those_of_the_runs(nightly: DataRun, root: User) -> None:
    filters = browser(root).get(RUNS).context["cl"].filter_specs
    (names,) = [found for found in filters if getattr(found, "parameter_name", "") == "name"]
    assert names.lookup_choices == [(name, name) for name in ("nightly", "people", "sweep")]


def test_the_page_of_an_import(root: User) -> None:
    options = {"file": "/data/people.csv", "fingerprint": "ab" * 32, "partial": True, "columns": {"Mail": "email"}}
    run = ran(
        "people",
        state=State.INTERRUPTED,
        options=options,
        rows_read=12000,
        rows_refused=3,
        last_row=12001,
        refused_file="/data/people.refused.csv",
        error="It was stopped.",
    )
    page = text(browser(root), page_of(run))
    for words in (
        "Interrupted",
        "24 Nov 2026, 03:00:03",
        "12,000",
        "12,001",
        "/data/people.refused.csv",
        "It was stopped.",
        "Checksum (SHA-256)",
        "ab" * 32,
        "Mail → email",
        f"{RUNS}?kind=importer&amp;name=people",
    ):
        assert words in page
    assert "Dry run" not in page
    assert ">Steps<" not in page


def test_the_page_of_a_trial_that_goes_on(root: User) -> None:
    page = text(browser(root), page_of(ran("people", state=State.RUNNING, finished_at=None, is_trial=True)))
    for words in ("Dry run: nothing is saved", "Rows that would be written", "Duration"):
        assert words in page
    for words in ("Ended", "Error", "Options", "File of refused rows", "Processed up to row"):
        assert f">{words}<" not in page


def test_the_page_of_a_pipeline_leads_to_its_steps_and_back(nightly: DataRun, root: User) -> None:
    client = browser(root)
    page = text(client, page_of(nightly))
    first, second = nightly.steps.order_by("pk")
    assert page.index(page_of(first)) < page.index(page_of(second))
    for words in ("importer people", "script sweep", "1,500", "297", "failed: &lt;b&gt;no room&lt;/b&gt;"):
        assert words in page
    page = text(client, page_of(first))
    assert "step load of the pipeline" in page
    assert page_of(nightly) in page
    assert "No step was started." in text(client, page_of(ran("early", Kind.PIPELINE, State.FAILED)))


def test_what_is_secret_is_masked(root: User) -> None:
    address = "postgresql://me:hunter2hunter2@db/shop"
    page = text(browser(root), page_of(ran("people", error=f"no way to {address}", options={"source": address})))
    assert "hunter2" not in page
    assert page.count("postgresql://…@db/shop") == 2


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"count": 1000}, [("Number of rows", "1,000")]),
        ({"truncate": False, "skip_empty": True}, [("Table emptied first", "no"), ("Empty rows skipped", "yes")]),
        ({"unique": ["email", "name"]}, [("Identified by", "email, name")]),
        ({"source": "a "}, [("Source", '"a "')]),
        ({"files": {"load": "a.csv", "more": "b.csv"}}, [("Files of the steps", "load → a.csv\nmore → b.csv")]),
        ({"start": "", "files": {}, "sheet": None, "unique": []}, []),
        ({"ours": [1], "count": 0}, [("Number of rows", "0"), ("ours", "[\n  1\n]")]),
    ],
)
def test_options_in_words(given: dict[str, Any], shown: list[tuple[str, str]]) -> None:
    assert options_in_words(given) == shown


def test_runs_are_only_looked_at_and_only_by_who_may(nightly: DataRun, root: User) -> None:
    viewer = browser(approver("view_datarun"))
    assert listed(viewer) == ["nightly"]
    assert viewer.get(page_of(nightly)).status_code == 200
    before = list(DataRun.objects.values())
    for client in (browser(root), viewer):
        assert client.get(f"{RUNS}999/change/").status_code == 302
        for address in (f"{RUNS}add/", f"{RUNS}{nightly.pk}/delete/"):
            assert (client.get(address).status_code, client.post(address, {"post": "yes"}).status_code) == (403, 403)
        client.post(page_of(nightly), {"name": "other"})
        client.post(RUNS, {"action": "delete_selected", "_selected_action": [nightly.pk], "post": "yes"})
    for address in (RUNS, page_of(nightly)):
        assert browser(approver()).get(address).status_code == 403
        assert Client().get(address).status_code == 302
    assert list(DataRun.objects.values()) == before


@pytest.mark.parametrize("query", ["", "?state=succeeded"])
def test_the_list_costs_the_same_for_one_row_and_for_three(query: str, root: User) -> None:
    client = browser(root)
    numbers = []
    for names in (["a"], ["b", "c"]):
        for name in names:
            pipeline = ran(name, Kind.PIPELINE)
            ran(f"{name}-step", pipeline=pipeline, step="first")
        with CaptureQueriesContext(connection) as queries:
            rows = listed(client, query)
        numbers.append((len(rows), len(queries)))
    each = 2 if query else 1
    assert numbers == [(each, numbers[0][1]), (3 * each, numbers[0][1])]


def test_every_state_has_a_colour() -> None:
    assert set(STATE_COLOURS) == set(State.values)
