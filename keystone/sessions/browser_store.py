"""Django's sessions in the database, under the digest of their key: a stolen dump opens no browser session.

`SESSION_ENGINE` names this module. The browser's cookie holds the key, and the table its SHA-256 in the key's place. A
key of 32 random signs needs no salt.
"""

import hashlib
from typing import Any

from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessionStore
from django.utils import timezone

DIGEST_LENGTH = 40  # hexadecimal digits, 160 bits: as long as the column


def stored_key(session_key: str) -> str:
    """What the table holds of a session's key."""
    return hashlib.sha256(session_key.encode()).hexdigest()[:DIGEST_LENGTH]


class SessionStore(DatabaseSessionStore):
    """Django's own, with each key put through `stored_key` on its way to the table."""

    # The asynchronous forms run the ones below in a thread, instead of asking the table by themselves.
    aload = SessionBase.aload
    aexists = SessionBase.aexists
    acreate = SessionBase.acreate
    asave = SessionBase.asave
    adelete = SessionBase.adelete

    def _get_session_from_db(self) -> Any:
        row = None
        if self.session_key:
            live = self.model.objects.filter(expire_date__gt=timezone.now())
            row = live.filter(session_key=stored_key(self.session_key)).first()
        if row is None:
            self._session_key = None
        return row

    def exists(self, session_key: str) -> bool:
        """Whether a session has this key."""
        return super().exists(stored_key(session_key))

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        """The row to be saved."""
        row = super().create_model_instance(data)
        row.session_key = stored_key(row.session_key)
        return row

    def delete(self, session_key: str | None = None) -> None:
        """Delete the session with this key, or this one."""
        key = session_key or self.session_key
        if key is not None:
            super().delete(stored_key(key))
