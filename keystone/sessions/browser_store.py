"""Store Django's sessions under the digest of their key, so that a stolen dump opens no session.

`SESSION_ENGINE` names this module. The browser's cookie contains the key, the table its SHA-256 digest instead. A key
of 32 random characters needs no salt.
"""

import hashlib
from datetime import timedelta
from typing import Any

from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessionStore
from django.db.models import Exists, OuterRef, Q, Subquery
from django.db.models.functions import Now
from django.utils import timezone

from keystone.sessions.models import Session

NOTED_AFTER = timedelta(minutes=5)  # how outdated "last used" may be, to avoid a write on every request
DIGEST_LENGTH = 40  # hexadecimal digits, 160 bits: as long as the column


def stored_key(session_key: str) -> str:
    """Return the digest that the table stores instead of a session's key."""
    return hashlib.sha256(session_key.encode()).hexdigest()[:DIGEST_LENGTH]


class SessionStore(DatabaseSessionStore):
    """Django's own store, with `stored_key` applied to each key on its way to the table."""

    # The asynchronous methods run those below in a thread, instead of querying the table themselves.
    aload = SessionBase.aload
    aexists = SessionBase.aexists
    acreate = SessionBase.acreate
    asave = SessionBase.asave
    adelete = SessionBase.adelete

    def _get_session_from_db(self) -> Any:
        row = None
        if self.session_key:
            row = self._live_rows().filter(session_key=stored_key(self.session_key)).first()
        if row is None:
            self._session_key = None
        elif row.last_used_at is not None and row.last_used_at < timezone.now() - NOTED_AFTER:
            Session.objects.filter(browser_key=row.session_key).update(last_used_at=Now())
        return row

    def _live_rows(self) -> Any:
        """Return the rows that have not expired and whose listed sign-in, if any, has not ended."""
        sign_in = Session.objects.filter(browser_key=OuterRef("session_key"))
        ended = sign_in.filter(Q(revoked_at__isnull=False) | Q(expires_at__lte=Now()))
        live = self.model.objects.filter(~Exists(ended), expire_date__gt=timezone.now())
        return live.annotate(last_used_at=Subquery(sign_in.values("last_used_at")[:1]))

    def cycle_key(self) -> None:
        """Change the key. The listed sign-in gets the new key, unless it has been revoked meanwhile."""
        before = self.session_key
        super().cycle_key()
        if before and self.session_key:
            listed = Session.objects.filter(browser_key=stored_key(before), revoked_at__isnull=True)
            listed.update(browser_key=stored_key(self.session_key))

    def flush(self) -> None:
        """Delete the session, as on signing out. Its listed sign-in ends."""
        if self.session_key:
            listed = Session.objects.filter(browser_key=stored_key(self.session_key), revoked_at__isnull=True)
            listed.update(revoked_at=Now())
        super().flush()

    def exists(self, session_key: str) -> bool:
        """Return whether a session with this key exists."""
        return super().exists(stored_key(session_key))

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        """Return the row to save, with the stored key."""
        row = super().create_model_instance(data)
        row.session_key = stored_key(row.session_key)
        return row

    def delete(self, session_key: str | None = None) -> None:
        """Delete the session with this key, or this one."""
        key = session_key or self.session_key
        if key is not None:
            super().delete(stored_key(key))
