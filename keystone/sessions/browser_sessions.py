"""Browser sessions, listed and revoked like those of the API."""

from django.contrib.auth import update_session_auth_hash
from django.db import transaction
from django.http import HttpRequest

from keystone.accounts.authority import lock_acting
from keystone.accounts.models import User
from keystone.observability.origin import current_origin
from keystone.sessions.browser_store import stored_key
from keystone.sessions.models import Session
from keystone.text.devices import kept_user_agent


def open_browser_session(request: HttpRequest, user: User) -> None:
    """List the session of this request, in which `user` has just signed in, among their sessions. Lock the user first.

    From then on the session lives no longer than its row: revoking the row signs the user out. It ends when Django's
    session would expire if it were not used any more; use does not extend it.
    """
    if not request.session.session_key:
        request.session.save()
    Session.objects.create(
        user=user,
        refresh_digest="",
        browser_key=stored_key(str(request.session.session_key)),
        expires_at=request.session.get_expiry_date(),
        ip_address=current_origin().ip_address,
        user_agent=kept_user_agent(request.headers.get("User-Agent", "")),
    )


@transaction.atomic
def continue_browser_session(request: HttpRequest, user: User) -> None:
    """Keep the session of this request open after the user ended all of theirs. It is listed as a new one.

    Raises:
        AccessEnded: the user's access has ended again since then.
    """
    lock_acting(user)
    update_session_auth_hash(request, user)
    open_browser_session(request, user)


def browser_session_key(request: HttpRequest) -> str | None:
    """Return the stored key of this request's session; None if it has none."""
    key = request.session.session_key
    return stored_key(key) if key else None
