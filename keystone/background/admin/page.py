"""The page of a task: arguments, events, errors. Secrets are masked."""

import json
from typing import Any

from django.http import HttpRequest
from django.utils.dateparse import parse_datetime
from django.utils.text import Truncator

from keystone.admin.cells import request_address
from keystone.background.admin.wording import STATE_COLOURS, lasted
from keystone.background.models import Task, WorkerProcess
from keystone.background.reading import add_times, task_events, task_outcome
from keystone.background.states import EVENTS, TaskState
from keystone.observability.logs.masking import masked, masked_data

SHOWN = 20_000  # characters of a value or a traceback


def task_page(request: HttpRequest, task: Task) -> dict[str, Any]:
    """Return the template context of a task's page."""
    add_times([task])
    outcome = task_outcome(task)
    worker = None
    if task.status == TaskState.RUNNING and task.worker_id is not None:
        worker = WorkerProcess.objects.filter(pk=task.worker_id).first()
    request_id = str(task.args.get("request_id") or "")
    return {
        "task": task,
        "title": str(task),
        "state": {"text": TaskState(task.status).label, "type": STATE_COLOURS[task.status]},
        "duration": lasted(task),
        "worker": worker,
        "arguments": _arguments(task.args),
        "events": [(EVENTS.get(event.type, event.type), event.at) for event in task_events(task)],
        "errors": [_error(error) for error in reversed(outcome.errors)],
        "return_value": None if outcome.return_value is None else _json(masked_data(outcome.return_value)),
        "rescues": outcome.rescues,
        "request_id": request_id,
        "request_link": _request_link(request, request_id),
    }


def _arguments(given: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the arguments by name, and positional ones by their position."""
    placed, named = masked_data(given.get("args") or []), masked_data(given.get("kwargs") or {})
    return [(str(name), _json(value)) for name, value in [*enumerate(placed, 1), *named.items()]]


def _error(error: dict[str, Any]) -> dict[str, Any]:
    """Return an attempt's error for the template: time, class, last line and full traceback."""
    traceback = masked(str(error.get("traceback") or "")).strip()
    return {
        "at": parse_datetime(str(error.get("at") or "")),
        "class": str(error.get("class") or ""),
        "message": Truncator(traceback.rpartition("\n")[2]).chars(300),
        "traceback": _ending(traceback),
    }


def _request_link(request: HttpRequest, request_id: str) -> str:
    """Return the URL of the request in the audit log; empty if the user may not view the log."""
    if not request_id or not request.user.has_perm("keystone.view_auditevent"):
        return ""
    return request_address(request_id)


def _json(value: Any) -> str:
    return Truncator(json.dumps(value, indent=2, ensure_ascii=False)).chars(SHOWN)


def _ending(text: str) -> str:
    """Truncate a text at its start, since a traceback's last lines say what went wrong."""
    return text if len(text) <= SHOWN else "…" + text[-SHOWN:]
