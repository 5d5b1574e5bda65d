"""Checks of the settings, without a database."""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import ManifestFilesMixin, staticfiles_storage
from django.core import checks
from django.utils.translation import gettext, ngettext

from keystone.environment.variables import environment
from keystone.server.checks.findings import Finding, Look, endangers, stops
from keystone.server.checks.services import cache, mail

OTHERS = stat.S_IRWXG | stat.S_IRWXO
SHOWN = 3


def refused() -> Iterator[Finding]:
    """What the settings would refuse to start with; they leave it to this command to tell it."""
    for fault in getattr(settings, "UNSAFE", []):
        yield stops("settings", fault)


def deploy() -> Iterator[Finding]:
    """Django's own `check --deploy`, and ours among its checks; those of the database are looks of their own."""
    for message in checks.run_checks(include_deployment_checks=True, databases=[]):
        if message.is_silenced() or message.level < checks.WARNING:
            continue
        made = stops if message.level >= checks.ERROR else endangers
        yield made("deploy", f"{message.msg} ({message.id})", message.hint or "")


def static_files() -> Iterator[Finding]:
    """Whether what the pages need was collected, all of it."""
    storage: Any = staticfiles_storage
    if not isinstance(storage, ManifestFilesMixin):
        return
    to_do = gettext("Run manage.py collectstatic --no-input.")
    collected = storage.hashed_files
    if not collected:
        yield stops("static files", gettext("The static files were not collected: pages would fail."), to_do)
        return
    there = (path for finder in finders.get_finders() for path, _storage in finder.list(["CVS", ".*", "*~"]))
    missing = [path for path in dict.fromkeys(there) if path.replace("\\", "/") not in collected]
    if missing:
        text = ngettext(
            "%(count)d static file was not collected: %(some)s",
            "%(count)d static files were not collected: %(some)s",
            len(missing),
        )
        some = ", ".join(missing[:SHOWN]) + (" …" if len(missing) > SHOWN else "")
        yield stops("static files", text % {"count": len(missing), "some": some}, to_do)


def files() -> Iterator[Finding]:
    """Whether others on this machine can read secrets, and whether the files say what nothing reads."""
    known = environment()
    base = Path(settings.BASE_DIR)
    for path in [base / ".env.local", base / ".env"]:
        if path.is_file() and path.stat().st_mode & OTHERS:
            text = gettext("Others on this machine can read %(path)s, which may hold secrets.")
            yield endangers("files", text % {"path": path}, gettext("Run chmod 600 %(path)s.") % {"path": path})
    for unknown in known.unknown():
        yield endangers("files", str(unknown), gettext("Correct the name, or take the line out."))


CONFIGURED: dict[str, Look] = {
    "settings": refused,
    "deploy": deploy,
    "static files": static_files,
    "files": files,
    "cache": cache,
    "mail": mail,
}
