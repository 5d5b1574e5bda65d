"""Run all system checks as for production, in any environment."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks.registry import registry
from django.db import connections
from django.utils.translation import gettext

from keystone.environment.env import SERVERS
from keystone.environment.variables import environment
from keystone.text.one_line import in_one_line

TIMEOUT = 120  # seconds
NO_DATABASE = "postgresql://keystone@127.0.0.1/keystone"  # never connected to


def check_production() -> list[checks.CheckMessage]:
    """Return the errors and warnings of all checks for production, errors first.

    Outside staging and production, a subprocess checks the settings that production would have on this machine.
    """
    is_server = settings.ENVIRONMENT in SERVERS
    aliases = list(connections)
    of_settings = _found(aliases, is_database=False) if is_server else _settings_as_production()
    return sorted([*of_settings, *_found(aliases, is_database=True)], key=lambda message: -message.level)


def check_settings() -> list[checks.CheckMessage]:
    """Return the findings of the checks that need no database, for the settings of this process."""
    return list(_found([], is_database=False))


def as_data(message: checks.CheckMessage) -> dict[str, Any]:
    """Return a message for JSON: its id, severity (`error` or `warning`), text and hint."""
    severity = "error" if message.level >= checks.ERROR else "warning"
    return {"id": message.id, "severity": severity, "message": str(message.msg), "hint": str(message.hint or "")}


def message_of(data: dict[str, Any]) -> checks.CheckMessage:
    """Return the message from the data of `as_data()`."""
    kind = checks.Error if data["severity"] == "error" else checks.Warning
    return kind(data["message"], hint=data["hint"], id=data["id"])


def _found(aliases: list[str], *, is_database: bool) -> Iterator[checks.CheckMessage]:
    """Run the checks that query the database, or all others. A check that raises an exception becomes a finding."""
    for check in registry.get_checks(include_deployment_checks=True):
        if (checks.Tags.database in check.tags) is is_database:
            yield from filter(_counts, _run(check, aliases))


def _run(check: Callable[..., Any], aliases: list[str]) -> list[checks.CheckMessage]:
    try:
        return list(check(app_configs=None, databases=aliases))
    except Exception as error:  # noqa: BLE001 - a failing check of a product doesn't stop the others
        text = gettext("The check %(name)s failed (%(kind)s: %(said)s).")
        values = {"name": check.__name__, "kind": type(error).__name__, "said": in_one_line(error)}
        return [checks.Warning(text % values, id="keystone.W090")]


def _counts(message: checks.CheckMessage) -> bool:
    return message.level >= checks.WARNING and not message.is_silenced()


def _settings_as_production() -> Iterator[checks.CheckMessage]:
    known = environment()
    surroundings = {name: value for name, value in known.own.items() if name != "DJANGO_SETTINGS_MODULE"}
    surroundings["ENVIRONMENT"] = "production"
    if not (known.variables["DATABASE_URL"].value or known.variables["POSTGRES_SERVER"].value):
        text = gettext("No database is configured, and production has no embedded one.")
        hint = gettext("Set DATABASE_URL, or POSTGRES_SERVER with POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB.")
        yield checks.Error(text, hint=hint, id="keystone.E004")
        surroundings["DATABASE_URL"] = NO_DATABASE
    command = [
        sys.executable,
        str(Path(settings.BASE_DIR) / "manage.py"),
        "server",
        "check",
        "--settings-only",
        "--json",
    ]
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            command,
            cwd=settings.BASE_DIR,
            env=surroundings,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        found = [message_of(data) for data in json.loads(done.stdout)["findings"]]
    except subprocess.TimeoutExpired:
        text = gettext("Production's settings could not be checked within %(seconds)d seconds.")
        found = [checks.Warning(text % {"seconds": TIMEOUT}, id="keystone.W091")]
    except ValueError:  # an invalid value stopped the process before the checks
        lines = done.stderr.strip().removeprefix("Configuration: ").splitlines()
        found = [checks.Error(line, id="keystone.E005") for line in lines]
        if not lines:
            found = [checks.Warning(gettext("Production's settings could not be checked."), id="keystone.W091")]
    yield from found
