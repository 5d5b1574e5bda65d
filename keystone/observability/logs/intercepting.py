"""The gate: everything logged with `logging` or loguru becomes a masked record, which loguru's sinks write."""

import logging
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from loguru import logger

from keystone.observability.logs.context import current_log_context
from keystone.observability.logs.masking import masked, masked_data
from keystone.observability.origin import ORIGIN_KEY, Origin, current_origin

if TYPE_CHECKING:
    from loguru import Record

# The attributes of every record of `logging`; all others come from `extra`.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_SHOWN = (str, int, float, bool, dict, list, tuple)  # requests, tasks and the like are left out


class InterceptHandler(logging.Handler):
    """A handler that passes records of `logging` to loguru. It never raises exceptions or prints anything."""

    def emit(self, record: logging.LogRecord) -> None:
        """Pass on the record with its name, time, level and exception."""
        try:
            extra = {
                name: value for name, value in vars(record).items() if name not in _OWN and isinstance(value, _SHOWN)
            }
            extra |= _origin_of(getattr(record, "request", None))
            exception = record.exc_info if record.exc_info and record.exc_info[0] else None
            handed = logger.opt(exception=exception).bind(**extra).patch(lambda entry: _take_over(entry, record))
            handed.log(_level(record), _message(record))
        except Exception:  # noqa: BLE001, S110 - the application continues without the entry
            pass


def _origin_of(request: Any) -> dict[str, Any]:
    """Return the origin stored in a request. Django logs some errors after the request has left all middleware."""
    origin = request.META.get(ORIGIN_KEY) if isinstance(request, HttpRequest) else None
    return _told(origin) if isinstance(origin, Origin) else {}


def _level(record: logging.LogRecord) -> str | int:
    known = record.levelname in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
    return record.levelname if known else record.levelno


def _message(record: logging.LogRecord) -> str:
    """Return the message. If its arguments don't match, `logging` would print both unmasked; return the raw message."""
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - an error in the calling code
        return f"{record.msg!s} (its arguments do not fit)"


def _take_over(entry: "Record", record: logging.LogRecord) -> None:
    entry["name"] = record.name
    entry["function"], entry["line"], entry["module"] = record.funcName, record.lineno, record.module
    entry["time"] = datetime.fromtimestamp(record.created, UTC)
    if record.stack_info:
        entry["extra"]["stack"] = masked(record.stack_info)


def pass_gate(entry: "Record") -> None:
    """Mask a record and add its origin. loguru calls it before all sinks, so that none sees unmasked records.

    The traceback becomes a text in `extra`, because the exception itself contains unmasked values.
    """
    extra: dict[str, Any] = masked_data(entry["extra"])
    entry["message"] = masked(entry["message"])
    exception, entry["exception"] = entry["exception"], None
    if exception is not None:
        lines = traceback.format_exception(exception.type, exception.value, exception.traceback)
        extra["exception"] = masked("".join(lines))
    entry["extra"] = {**_origin(), **extra}


def _origin() -> Mapping[str, Any]:
    return _told(current_origin()) | {name: value for name, value in current_log_context().items() if value}


def _told(origin: Origin) -> dict[str, Any]:
    found = {
        "request_id": origin.request_id,
        "ip": origin.ip_address,
        "caller_request_id": origin.caller_request_id,
    }
    return {name: value for name, value in found.items() if value}
