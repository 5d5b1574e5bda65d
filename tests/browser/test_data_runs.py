"""The runs on data in headless Chromium, on a desk and on a phone: from the list to a pipeline, a step and back."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from keystone.data.models import DataRun, Kind, State
from tests.browser.chromium import needs_chromium, on_two_screens, opened, overflow, screenshot, sign_in

pytestmark = needs_chromium
START = datetime(2026, 11, 24, 3, tzinfo=UTC)
RUNS = "/admin/keystone/datarun/"
FAILED = (
    "Step 2 of 2 (tidy) failed: no room. The steps before it are done and stay. When that is fixed, continue with: "
    "manage.py data pipeline run nightly --from tidy"
)


def make_runs() -> None:
    """A pipeline of an import with refused rows and a script that failed, a trial, and a seeder that runs."""
    times = {"by": "deploy", "started_at": START}
    ended = {**times, "finished_at": START + timedelta(minutes=4, seconds=11)}
    nightly = DataRun.objects.create(
        kind=Kind.PIPELINE, name="nightly", state=State.FAILED, error=FAILED, rows_read=1_000_000, **ended
    )
    DataRun.objects.create(
        kind=Kind.IMPORTER,
        name="people",
        state=State.SUCCEEDED,
        pipeline=nightly,
        step="load",
        options={"file": "/srv/data/people.csv", "fingerprint": "0af1" * 16, "partial": True, "unique": ["email"]},
        rows_read=1_000_000,
        rows_written=999_000,
        rows_unchanged=988,
        rows_refused=12,
        last_row=1_000_001,
        refused_file="/srv/data/people.refused.csv",
        **ended,
    )
    script = {"kind": Kind.SCRIPT, "name": "sweep", "step": "tidy", "pipeline": nightly}
    DataRun.objects.create(state=State.FAILED, error="no room", **script, **ended)
    DataRun.objects.create(
        kind=Kind.IMPORTER, name="people", state=State.SUCCEEDED, is_trial=True, rows_read=20, rows_refused=20, **ended
    )
    DataRun.objects.create(kind=Kind.SEEDER, name="notifications", state=State.RUNNING, **times)


@on_two_screens
def test_from_the_list_to_a_pipeline_a_step_and_back(
    name: str, options: dict[str, Any], live_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_runs()
    with opened(live_server.url, monkeypatch, **options) as page:
        sign_in(page, RUNS)
        rows = page.locator("#result_list tbody tr")
        rows.first.wait_for()
        assert rows.locator(".k-name").all_inner_texts() == ["notifications", "people", "nightly"]
        assert overflow(page) == 0
        screenshot(page, f"data-runs-{name}")

        rows.get_by_role("link", name=re.compile("^nightly")).click()
        page.get_by_text("continue with: manage.py data pipeline run nightly --from tidy").wait_for()
        assert overflow(page) == 0
        screenshot(page, f"data-run-pipeline-{name}")

        page.get_by_role("link", name="load", exact=True).click()
        page.get_by_text("/srv/data/people.refused.csv").wait_for()
        assert overflow(page) == 0
        screenshot(page, f"data-run-step-{name}")

        page.get_by_role("link", name="All runs with this name").click()
        page.wait_for_url(re.compile(r"kind=importer&name=people$"))
        page.get_by_text("step load of nightly").wait_for()
        assert rows.locator(".k-name").all_inner_texts() == ["people", "people"]
        assert overflow(page) == 0
        screenshot(page, f"data-runs-found-{name}")
