"""Queries for metrics in PostgreSQL: limited counts, or counts since a moment that use an index.

Counters count from midnight (UTC), the same for every process and after every restart. Prometheus treats the drop at
midnight as a counter reset. Counters are not cached: if two processes respond in turn, an older number from one of them
would look like a reset, and be counted twice.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection, transaction
from django.db.models import Count
from django.tasks import task_backends
from django.utils import timezone

from keystone.accounts.models import User
from keystone.accounts.transition_rules import TRANSITIONS
from keystone.actors.actor import ActorKind
from keystone.audit.models import AuditEvent
from keystone.background.reading import COUNTED, DUE, running_workers
from keystone.conf import options
from keystone.mail.models import MailState, OutgoingMail
from keystone.scheduling.models import OPEN_STATES, RunState, ScheduledRun
from keystone.scheduling.processes import alive
from keystone.scheduling.registry import declarations
from keystone.throttling.models import Limit

STATEMENT_MS = 2000
Labels = tuple[str, ...]

# Each count uses its own index and stops at the limit.
TASKS = """
SELECT queue_name, 'later', count(*) FROM (
    SELECT queue_name, scheduled_at FROM procrastinate_jobs WHERE status = 'todo' ORDER BY id LIMIT %(limit)s
) AS waiting WHERE scheduled_at > now() GROUP BY queue_name
UNION ALL
SELECT queue_name, 'running', count(*) FROM (
    SELECT queue_name FROM procrastinate_jobs WHERE status = 'doing' AND worker_id IS NOT NULL LIMIT %(limit)s
) AS running GROUP BY queue_name
UNION ALL
SELECT queue_name, 'failed', count(*) FROM (
    SELECT queue_name FROM procrastinate_jobs WHERE status = 'failed' ORDER BY id DESC LIMIT %(limit)s
) AS failed GROUP BY queue_name
"""
ATTEMPTS = """
SELECT "limit", sum(count), sum(greatest(count - (%(most)s::jsonb ->> "limit")::integer, 0)) FROM (
    SELECT "limit", count FROM keystone_attemptwindow
    WHERE ends_at > now() ORDER BY ends_at DESC, id DESC LIMIT %(rows)s
) AS running GROUP BY "limit"
"""
TASK_STATES = ("due", "later", "running", "failed")


@dataclass(frozen=True)
class Figures:
    """The result of a lookup: the values of each metric, by the values of its labels."""

    values: dict[str, dict[Labels, float]]


def current_figures() -> Figures:
    """Return the queues, workers, schedulers and counters, using eight statements in one transaction."""
    with _reading():
        return Figures(
            {
                **_queues(),
                **_decisions(),
                **_runs(),
                "keystone_workers": {(): sum(worker.is_alive for worker in running_workers())},
                "keystone_schedulers": {(): alive().count()},
            }
        )


def slow_figures() -> Figures:
    """Return the slower metrics, which may be a minute old, using five statements in one transaction."""
    with _reading():
        return Figures({**_people(), **_mails(), **_attempts()})


@contextmanager
def _reading() -> Iterator[None]:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(STATEMENT_MS)])
        yield
        transaction.set_rollback(True)  # nothing was written: skip on-commit hooks


def _queues() -> dict[str, dict[Labels, float]]:
    names = sorted({queue for backend in task_backends.all() for queue in backend.queues})
    counts: dict[Labels, float] = {(name, state): 0 for name in names for state in TASK_STATES}
    ages: dict[Labels, float] = {(name,): 0 for name in names}
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(DUE, {"limit": COUNTED + 1})
        for name, waiting, oldest in cursor.fetchall():
            counts[name, "due"] = waiting
            ages[(name,)] = max((now - oldest).total_seconds(), 0) if oldest is not None else 0
        cursor.execute(TASKS, {"limit": COUNTED + 1})
        for name, state, count in cursor.fetchall():
            counts[name, state] = count
    return {"keystone_tasks": counts, "keystone_task_oldest_due_seconds": ages}


def _people() -> dict[str, dict[Labels, float]]:
    return {"keystone_people": {(status,): count for status, count in User.objects.count_by_status().items()}}


def _decisions() -> dict[str, dict[Labels, float]]:
    verbs = {move.action: name for name, move in TRANSITIONS.items()}
    counts: dict[Labels, float] = {(verb, origin): 0 for verb in TRANSITIONS for origin in ActorKind.values}
    events = AuditEvent.objects.filter(action__in=verbs, created_at__gte=midnight()).order_by()
    for action, origin, count in events.values_list("action", "actor_kind").annotate(count=Count("*")):
        counts[verbs[action], origin] = count
    return {"keystone_decisions_total": counts}


def _mails() -> dict[str, dict[Labels, float]]:
    counts: dict[Labels, float] = {(state,): 0 for state in MailState.values}
    counts[(MailState.QUEUED.value,)] = OutgoingMail.objects.queued().count()
    settled = [state for state in MailState if state is not MailState.QUEUED]
    mails = OutgoingMail.objects.filter(state__in=settled, created_at__gte=timezone.now() - timedelta(days=1))
    for state, count in mails.order_by().values_list("state").annotate(count=Count("*")):
        counts[(state,)] = count
    return {"keystone_mails": counts}


def _attempts() -> dict[str, dict[Labels, float]]:
    limits = options()
    most = {
        Limit.IP: limits.attempts_per_ip,
        Limit.ADDRESS_AND_IP: limits.attempts_per_address_and_ip,
        Limit.ADDRESS: limits.attempts_per_address,
        Limit.REQUESTS: limits.requests_per_ip,
        Limit.CODE: limits.attempts_per_code_window,
        Limit.CHANGES: limits.changes_per_person,
    }
    counted: dict[Labels, float] = {(limit,): 0 for limit in Limit.values}
    refused = dict(counted)
    with connection.cursor() as cursor:
        cursor.execute(
            ATTEMPTS, {"most": json.dumps({limit.value: number for limit, number in most.items()}), "rows": COUNTED}
        )
        for limit, count, beyond in cursor.fetchall():
            counted[(limit,)], refused[(limit,)] = count, beyond
    return {"keystone_attempts": counted, "keystone_attempts_refused": refused}


def _runs() -> dict[str, dict[Labels, float]]:
    ended = [state.value for state in RunState if state not in OPEN_STATES]
    counts: dict[Labels, float] = {(job, state): 0 for job in declarations() for state in ended}
    runs = ScheduledRun.objects.filter(slot__gte=midnight(), state__in=ended).order_by()
    for job, state, count in runs.values_list("job_id", "state").annotate(count=Count("*")):
        counts[job, state] = count
    return {"keystone_scheduled_runs_total": counts}


def midnight() -> datetime:
    """Return the beginning of today (UTC)."""
    return timezone.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
