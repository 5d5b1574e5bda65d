"""Options for approval notices, retention periods and imports, read from the environment."""

from datetime import timedelta

from keystone.conf import NOTICES
from keystone.environment import env

UPKEEP: dict[str, object] = {
    "APPROVAL_NOTICES": env.choice("APPROVAL_NOTICES", "immediate", NOTICES),
    "APPROVAL_NOTICES_PER_HOUR": env.number("APPROVAL_NOTICES_PER_HOUR", 20, minimum=1),
    "APPROVAL_REMINDER_AFTER": timedelta(hours=env.number("APPROVAL_REMINDER_HOURS", 48, minimum=1)),
    "DECISION_UNDO_WINDOW": timedelta(seconds=env.number("DECISION_UNDO_SECONDS", 60, maximum=3_600)),
    "UNVERIFIED_WARNED_AFTER": timedelta(days=env.number("UNVERIFIED_WARN_DAYS", 23, minimum=1)),
    "UNVERIFIED_EXPIRE_AFTER": timedelta(days=env.number("UNVERIFIED_EXPIRE_DAYS", 30)),
    "MAILS_KEPT": timedelta(days=env.number("MAILS_KEPT_DAYS", 90, minimum=1)),
    "TASKS_KEPT": timedelta(days=env.number("TASKS_KEPT_DAYS", 30, minimum=1)),
    "RUNS_KEPT": timedelta(days=env.number("RUNS_KEPT_DAYS", 90, minimum=1)),
    "DATA_RUNS_KEPT": timedelta(days=env.number("DATA_RUNS_KEPT_DAYS", 90, minimum=1)),
    "IMPORT_UNPACKED_MB": env.number("IMPORT_UNPACKED_MB", 2048, minimum=1),
}
