"""Export all data stored about a user, as JSON files in a zip file."""

import json
import os
from collections.abc import Iterable, Mapping
from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZipFile

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.http import FileResponse
from django.utils import timezone

from keystone.accounts.authority import lock_for, refusal_to_touch
from keystone.accounts.backends import confirm_password
from keystone.accounts.models import User
from keystone.actors.actor import Actor
from keystone.audit.log import event, record
from keystone.conf import options
from keystone.personal_data import PARTS

IN_MEMORY = 4 * 1024 * 1024  # bytes; larger files are written to disk
ABOUT = "about.json"


def export_own_data(user: User, *, current_password: str) -> IO[bytes]:
    """Export a user's data at their own request. A stolen token is not enough, since the password is required.

    Raises:
        WrongPassword: the password is wrong.
        TooManyAttempts, HashingBusy: as for signing in, with the same limits.
        AccessEnded: the user's access has ended in the meantime.
    """
    confirm_password(user, current_password)
    return export_person(user, by=Actor.person(user))


@transaction.atomic
def export_person(user: User, *, by: Actor) -> IO[bytes]:
    """Collect what every app stores about a user: `about.json`, and one file for each part.

    Rows are read and written one by one to bound memory. Internal notes of administrators are included, because they
    are about the user.

    Args:
        user: the user whose data is exported.
        by: the actor, recorded in the audit log.

    Returns:
        A zip file, positioned at its start; the caller closes it.

    Raises:
        ProtectedAccount: `by` may not act on this user.
    """
    refusal = refusal_to_touch(lock_for(user, by=by), by=by, own=True)
    if refusal is not None:
        raise refusal
    record([event("user.data_exported", user, by=by)])
    file: IO[bytes] = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - the caller's
    try:
        _fill(file, user)
    except BaseException:
        file.close()
        raise
    if file.seek(0, os.SEEK_END) <= IN_MEMORY:  # the usual case; no file stays open if the response is never sent
        with file:
            file.seek(0)
            return BytesIO(file.read())
    file.seek(0)
    return file


def file_name(user: User) -> str:
    """Return the name of the file with this user's data."""
    return f"personal-data-{user.pk}.zip"


def download(user: User, file: IO[bytes]) -> FileResponse:
    """Return a response that downloads a user's file and must not be cached."""
    headers = {"Cache-Control": "no-store"}
    return FileResponse(
        file, as_attachment=True, filename=file_name(user), content_type="application/zip", headers=headers
    )


def _fill(file: IO[bytes], user: User) -> None:
    parts = []
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        for part in sorted(PARTS.values(), key=lambda part: part.name):
            name = f"{part.name}.json"
            count = _write(archive, name, part.collect(user))
            parts.append({"file": name, "what": str(part.label), "entries": count})
        about = {
            "product": options().project_name,
            "person": str(user.pk),
            "email": user.email,
            "exported_at": timezone.now(),
            "parts": parts,
        }
        _write(archive, ABOUT, about)


def _write(archive: ZipFile, name: str, what: Mapping[str, Any] | Iterable[Mapping[str, Any]]) -> int:
    """Write one file, and return the number of its entries."""
    with archive.open(name, "w") as out:
        if isinstance(what, Mapping):
            out.write(_json(what))
            return 1
        count = 0
        for count, row in enumerate(what, start=1):
            out.write(b"[\n" if count == 1 else b",\n")
            out.write(_json(row))
        out.write(b"\n]\n" if count else b"[]\n")
        return count


def _json(what: Mapping[str, Any]) -> bytes:
    return json.dumps(what, cls=DjangoJSONEncoder, ensure_ascii=False, indent=1).encode()
