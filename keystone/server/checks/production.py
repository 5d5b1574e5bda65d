"""All checks, as production would be, in whatever environment this is."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext

from keystone.environment.env import SERVERS
from keystone.environment.variables import environment
from keystone.server.checks.configured import CONFIGURED
from keystone.server.checks.findings import Finding, Severity, all_of, endangers, finding_of, stops
from keystone.server.checks.held import held

TIMEOUT = 120  # seconds
NO_DATABASE = "postgresql://keystone@127.0.0.1/keystone"  # which nothing connects to


def findings() -> list[Finding]:
    """Everything that would stop or endanger production; what would stop it comes first.

    Outside staging and production, a process of its own looks at the settings that production would have here.
    """
    found = [
        *all_of(CONFIGURED if settings.ENVIRONMENT in SERVERS else {"settings": _as_production}),
        *all_of({"database": held}),
    ]
    return sorted(dict.fromkeys(found), key=lambda finding: finding.severity != Severity.STOPS)


def configured() -> list[Finding]:
    """What the looks at the settings of this process find, which need no database."""
    return list(all_of(CONFIGURED))


def _as_production() -> Iterator[Finding]:
    known = environment()
    surroundings = {name: value for name, value in known.own.items() if name != "DJANGO_SETTINGS_MODULE"}
    surroundings["ENVIRONMENT"] = "production"
    if not (known.variables["DATABASE_URL"].value or known.variables["POSTGRES_SERVER"].value):
        yield stops(
            "settings",
            gettext("No database is named; production has none of its own."),
            gettext("Set DATABASE_URL, or POSTGRES_SERVER with POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB."),
        )
        surroundings["DATABASE_URL"] = NO_DATABASE
    begun = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, str(Path(settings.BASE_DIR) / "manage.py"), "server", "check", "--settings-only", "--json"],
        cwd=settings.BASE_DIR,
        env=surroundings,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    try:
        told = json.loads(begun.stdout)
    except ValueError:  # a reader has refused a value before anything could begin
        lines = begun.stderr.strip().removeprefix("Configuration: ").splitlines()
        yield from (stops("settings", line) for line in lines)
        if not lines:
            yield endangers("settings", gettext("Production's settings could not be looked at."))
        return
    yield from (finding_of(finding) for finding in told["findings"])
