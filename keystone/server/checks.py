"""Deployment checks of static files and `.env` files."""

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
from keystone.text.listing import first_few

OTHERS = stat.S_IRWXG | stat.S_IRWXO


@checks.register(checks.Tags.staticfiles, deploy=True)
def check_static_files(**_: Any) -> list[checks.CheckMessage]:
    """Check that all static files were collected (E050)."""
    storage: Any = staticfiles_storage
    if not isinstance(storage, ManifestFilesMixin):
        return []
    hint = gettext("Run manage.py collectstatic --no-input.")
    collected = storage.hashed_files
    if not collected:
        text = gettext("The static files were not collected: pages would fail.")
        return [checks.Error(text, hint=hint, id="keystone.E050")]
    there = (path for finder in finders.get_finders() for path, _storage in finder.list(["CVS", ".*", "*~"]))
    missing = [path for path in dict.fromkeys(there) if path.replace("\\", "/") not in collected]
    if not missing:
        return []
    text = ngettext(
        "%(count)d static file was not collected: %(some)s",
        "%(count)d static files were not collected: %(some)s",
        len(missing),
    )
    return [checks.Error(text % {"count": len(missing), "some": first_few(missing)}, hint=hint, id="keystone.E050")]


@checks.register(checks.Tags.security, deploy=True)
def check_env_files(**_: Any) -> list[checks.CheckMessage]:
    """Check for `.env` files that other users can read (W051), and for unknown names in them (W052)."""
    return list(_env_file_faults())


def _env_file_faults() -> Iterator[checks.CheckMessage]:
    known = environment()
    base = Path(settings.BASE_DIR)
    for path in [base / ".env.local", base / ".env"]:
        if path.is_file() and path.stat().st_mode & OTHERS:
            text = gettext("Others on this machine can read %(path)s, which may contain secrets.") % {"path": path}
            yield checks.Warning(text, hint=gettext("Run chmod 600 %(path)s.") % {"path": path}, id="keystone.W051")
    for unknown in known.unknown():
        hint = gettext("Correct the name, or remove the line.")
        yield checks.Warning(str(unknown), hint=hint, id="keystone.W052")
