"""The pages of jobs and runs."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_apscheduler.models import DjangoJob, DjangoJobExecution

from keystone.accounts.models import User
from keystone.actors.actor import Actor
from keystone.audit.models import AuditEvent
from keystone.scheduling.handling import pause_job
from keystone.scheduling.models import RunState, ScheduledJob, ScheduledRun, SchedulerProcess
from keystone.scheduling.wording import trigger_in_words, zone_of
from keystone.testing.factories import approver
from tests.approval.admin_pages import browser, told
from tests.scheduling.conftest import Declare, register

pytestmark = pytest.mark.django_db
JOBS, RUNS = "/admin/keystone/scheduledjob/", "/admin/keystone/scheduledrun/"
SLOT = datetime(2026, 11, 24, 3, tzinfo=UTC)


def page_of(row: Any) -> str:
    return f"{JOBS if isinstance(row, ScheduledJob) else RUNS}{row.pk}/change/"


def text(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return str(response.content.decode())


def listed(response: Any) -> list[str]:
    return [str(row) for row in response.context["cl"].result_list]


@pytest.fixture
def job(declare: Declare) -> ScheduledJob:
    declare(cron="0 3 * * *", timezone="Europe/Berlin")
    register()
    return ScheduledJob.objects.get()


@pytest.fixture
def orphan(job: ScheduledJob) -> ScheduledJob:
    ScheduledJob.objects.update(orphaned_at=timezone.now())
    job.refresh_from_db()
    return job


def ran(job: ScheduledJob, state: str, *, hours: int = 0, **fields: Any) -> ScheduledRun:
    slot = SLOT - timedelta(hours=hours)
    times = {"started_at": slot + timedelta(seconds=2), "finished_at": slot + timedelta(seconds=5)}
    fields = {"attempts": 1, **times, **fields}
    return ScheduledRun.objects.create(job=job, slot=slot, state=state, **fields)


def test_the_list_says_what_runs_when_and_how_it_went(job: ScheduledJob, root: User) -> None:
    client = browser(root)
    page = text(client, JOBS)
    for words in ("shop.tidy", "Tidies the shop.", "Every day at 03:00", "Europe/Berlin", "Scheduled", "Never ran"):
        assert words in page
    for state, hours in (("succeeded", 0), ("failed", 1), ("missed", 2)):
        ran(job, state, hours=hours)
    page = text(client, JOBS)
    assert "Succeeded · 3.0 s" in page
    assert "2 of the last 3" in page
    assert "Never ran" not in page
    ScheduledRun.objects.filter(state="succeeded").update(state="running", finished_at=None)
    assert "Running" in text(client, JOBS)


def test_the_list_is_filtered_and_searched(job: ScheduledJob, declare: Declare, root: User) -> None:
    declare("shop.sweep")
    register()
    client = browser(root)
    pause_job("shop.sweep", by=Actor.system())
    assert listed(client.get(f"{JOBS}?state=scheduled")) == ["shop.tidy"]
    assert listed(client.get(f"{JOBS}?state=paused")) == ["shop.sweep"]
    assert listed(client.get(f"{JOBS}?state=orphaned")) == []
    assert listed(client.get(f"{JOBS}?state=nonsense")) == ["shop.sweep", "shop.tidy"]
    assert listed(client.get(f"{JOBS}?q=SWEEP")) == ["shop.sweep"]
    ScheduledJob.objects.filter(pk="shop.sweep").update(orphaned_at=timezone.now())
    assert listed(client.get(f"{JOBS}?state=orphaned")) == ["shop.sweep"]
    assert "Not in the code" in text(client, JOBS)


def test_the_schedulers_are_shown_or_missed(job: ScheduledJob, root: User) -> None:
    client = browser(root)
    assert "here:1:a" in text(client, JOBS)
    assert "No scheduler is running" not in text(client, JOBS)
    SchedulerProcess.objects.all().delete()
    assert "No scheduler is running, so no job runs automatically." in text(client, JOBS)


@pytest.mark.parametrize(
    ("decision", "permission", "message", "action"),
    [
        ("run", "run_scheduledjob", "1 run was enqueued.", "job.run_requested"),
        ("pause", "pause_scheduledjob", "1 job was paused.", "job.paused"),
    ],
)
def test_a_decision_takes_its_permission(
    job: ScheduledJob, decision: str, permission: str, message: str, action: str
) -> None:
    other = {"run_scheduledjob", "pause_scheduledjob"} - {permission}
    viewer = browser(approver("view_scheduledjob", *other, email="viewer@example.com"))
    assert f"/{decision}/" not in text(viewer, page_of(job))
    assert viewer.post(f"{JOBS}shop.tidy/{decision}/").status_code == 403
    viewer.post(JOBS, {"action": f"{decision}_selected", "_selected_action": ["shop.tidy"]})
    assert (
        browser(approver(permission, email="blind@example.com")).post(f"{JOBS}shop.tidy/{decision}/").status_code == 403
    )
    assert not AuditEvent.objects.exists()
    allowed = browser(approver("view_scheduledjob", permission))
    assert f"/{decision}/" in text(allowed, page_of(job))
    assert allowed.get(f"{JOBS}shop.tidy/{decision}/").status_code == 405
    response = allowed.post(f"{JOBS}shop.tidy/{decision}/")
    assert told(response) == [message]
    assert response["Location"] == page_of(job)
    assert AuditEvent.objects.get().action == action


def test_jobs_are_decided_on_in_bulk(job: ScheduledJob, declare: Declare, root: User) -> None:
    declare("shop.sweep")
    register()
    client = browser(root)
    chosen = ["shop.sweep", "shop.tidy"]
    for action, expected in (
        ("run_selected", ["2 runs were enqueued."]),
        ("pause_selected", ["2 jobs were paused."]),
        ("pause_selected", ["shop.sweep: This job is already paused.", "shop.tidy: This job is already paused."]),
        ("resume_selected", ["2 jobs were resumed."]),
        (
            "forget_selected",
            [f"{name}: Only a job that is no longer in the code can be deleted. Pause it instead." for name in chosen],
        ),
    ):
        response = client.post(JOBS, {"action": action, "_selected_action": chosen})
        assert told(response) == expected
        client = browser(root)
    assert list(ScheduledRun.objects.values_list("is_manual", "requested_by__email")) == [(True, root.email)] * 2


def test_the_page_of_a_job(job: ScheduledJob, root: User) -> None:
    entry = ran(job, "succeeded")
    ran(job, "failed", hours=1, is_manual=True)
    page = text(browser(root), page_of(job))
    for words in (
        "cron 0 3 * * * Europe/Berlin",
        "Every day at 03:00",
        "3.0 s",
        page_of(entry),
        f"{RUNS}?job=shop.tidy",
    ):
        assert words in page
    assert "a deleted account" in page
    assert "/pause/" in page
    assert "/resume/" not in page
    pause_job(job.pk, by=Actor.system())
    page = text(browser(root), page_of(job))
    assert "Paused since" in page
    assert "/resume/" in page
    viewer = browser(approver("view_scheduledjob"))
    assert "Latest runs" not in text(viewer, page_of(job))
    assert viewer.get(page_of(entry)).status_code == 403


def test_an_orphan_is_shown_as_one_and_can_be_deleted(orphan: ScheduledJob, root: User) -> None:
    client = browser(root)
    page = text(client, page_of(orphan))
    assert "Not in the code since" in page
    assert "/run/" not in page
    assert told(client.post(f"{JOBS}shop.tidy/run/")) == [
        "shop.tidy: This job is no longer in the code, so it cannot run."
    ]
    response = browser(root).post(f"{JOBS}shop.tidy/delete/")
    assert told(response) == ["1 job was deleted."]
    assert response["Location"] == JOBS
    assert not ScheduledJob.objects.exists()
    assert browser(root).get(page_of(orphan)).status_code == 302


def test_the_history_is_filtered(job: ScheduledJob, root: User) -> None:
    ran(job, "succeeded")
    ran(job, "failed", hours=30, attempts=2)
    client = browser(root)
    assert listed(client.get(RUNS)) == ["shop.tidy 2026-11-24 03:00:00", "shop.tidy 2026-11-22 21:00:00"]
    assert listed(client.get(f"{RUNS}?state=failed")) == ["shop.tidy 2026-11-22 21:00:00"]
    assert len(listed(client.get(f"{RUNS}?job=shop.tidy"))) == 2
    assert listed(client.get(f"{RUNS}?job=other")) == []
    assert listed(client.get(f"{RUNS}?slot_from=2026-11-23")) == ["shop.tidy 2026-11-24 03:00:00"]


def test_the_page_of_a_run(job: ScheduledJob, root: User) -> None:
    error = "Traceback\n" + "x" * 200_000 + "\nRuntimeError: <b>the end</b>"
    failed = ran(job, "failed", error=error, coalesced=2, task_id="7")
    page = text(browser(root), page_of(failed))
    assert "RuntimeError: &lt;b&gt;the end&lt;/b&gt;" in page
    assert len(page) > 200_000
    for words in (
        "2 earlier slots that were not run",
        "2.0 s after it was due",
        "3.0 s",
        "/admin/keystone/task/7/",
    ):
        assert words in page
    assert "/admin/keystone/task/7/" not in text(browser(approver("view_scheduledrun")), page_of(failed))
    fine = ran(job, "succeeded", hours=1, result={"tidied": 3}, error="RuntimeError", is_manual=True, requested_by=root)
    page = text(browser(root), page_of(fine))
    for words in ("&quot;tidied&quot;: 3", "Error of an earlier attempt", root.email):
        assert words in page
    assert "after it was due" not in page
    skipped = ran(job, "skipped", hours=2, started_at=None)
    assert "another run of this job had not finished" in text(browser(root), page_of(skipped))
    missed = ran(job, "missed", hours=3, started_at=None)
    assert "nor within its grace" in text(browser(root), page_of(missed))
    running = ran(job, "running", hours=4, finished_at=None)
    assert "Duration" in text(browser(root), page_of(running))
    lost = ran(job, "enqueued", hours=5, finished_at=None)
    assert "Duration" not in text(browser(root), page_of(lost))
    assert browser(root).get(f"{RUNS}999/change/").status_code == 302


def test_nobody_else_sees_the_pages(job: ScheduledJob) -> None:
    entry = ran(job, "succeeded")
    for address in (JOBS, RUNS, page_of(job), page_of(entry)):
        assert browser(approver()).get(address).status_code == 403
        assert Client().get(address).status_code == 302


@pytest.mark.parametrize("address", [JOBS, RUNS])
def test_the_lists_cost_the_same_for_one_row_and_for_three(address: str, declare: Declare, root: User) -> None:
    client = browser(root)
    numbers = []
    for names in (["a"], ["b", "c"]):
        for name in names:
            declare(name)
        register()
        for name in names:
            job = ScheduledJob.objects.get(pk=name)
            for hours in range(3):
                ran(job, "failed", hours=hours, is_manual=True, requested_by=root)
        with CaptureQueriesContext(connection) as queries:
            client.get(address)
        numbers.append(len(queries))
    assert numbers[0] == numbers[1]


def test_django_apschedulers_own_pages_are_not_there(root: User) -> None:
    for model in (DjangoJob, DjangoJobExecution):
        assert not admin.site.is_registered(model)
    assert browser(root).get("/admin/django_apscheduler/djangojob/add/").status_code == 404
    for address in (JOBS, RUNS):
        assert browser(root).get(f"{address}add/").status_code == 403


@pytest.mark.parametrize(
    ("trigger", "words"),
    [
        ("every 1 s", "Every second"),
        ("every 90 s", "Every 90 seconds"),
        ("every 60 s", "Every minute"),
        ("every 300 s", "Every 5 minutes"),
        ("every 7200 s", "Every 2 hours"),
        ("every 86400 s", "Every day"),
        ("every 1.5 s", "Every 1.5 seconds"),
        ("cron * * * * * UTC", "Every minute"),
        ("cron */15 * * * * UTC", "Every 15 minutes"),
        ("cron */7 * * * * UTC", "*/7 * * * *"),
        ("cron 5 * * * * UTC", "Every hour at minute 5"),
        ("cron 5,10 * * * * UTC", "5,10 * * * *"),
        ("cron 30 3 * * * UTC", "Every day at 03:30"),
        ("cron 30 3 * * mon-fri Europe/Berlin", "Monday to Friday at 03:30"),
        ("cron 30 3 * * 0,6 UTC", "Saturday, Sunday at 03:30"),
        ("cron 30 3 1 * * UTC", "Every month on day 1 at 03:30"),
        ("cron 30 3 1,15 * * UTC", "30 3 1,15 * *"),
        ("cron 30 3 1 * mon UTC", "30 3 1 * mon"),
        ("cron 30 */2 * * * UTC", "30 */2 * * *"),
        ("cron 30 3 1 1 * UTC", "30 3 1 1 *"),
    ],
)
def test_a_trigger_in_words(trigger: str, words: str) -> None:
    assert trigger_in_words(trigger) == words


def test_the_zone_of_a_trigger() -> None:
    assert zone_of("cron 0 3 * * * Europe/Berlin") == "Europe/Berlin"
    assert zone_of("every 60 s") == ""


def test_every_state_of_a_run_has_a_colour() -> None:
    from keystone.scheduling.admin.cells import STATE_COLOURS

    assert set(STATE_COLOURS) == set(RunState.values)
