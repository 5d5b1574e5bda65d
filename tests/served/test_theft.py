"""Promise 4: a refresh token works once, and one that comes back later ends the session, however the request fares."""

from collections import Counter

import pytest

from keystone.audit.models import AuditEvent
from keystone.sessions.models import Session
from keystone.sessions.rotation import RACE
from keystone.testing.factories import PASSWORD, UserFactory
from tests.served.server import Server, at_once

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 10


def signed_in(server: Server, email: str) -> tuple[str, str]:
    """A refresh token that was traded long ago, and the one that it was traded for."""
    old = server.post("/api/auth/login/", {"email": email, "password": PASSWORD}).json["refresh"]
    new = server.post("/api/auth/refresh/", {"refresh": old}).json["refresh"]
    session = Session.objects.latest("created_at")
    session.spent = {digest: at - RACE.total_seconds() - 1 for digest, at in session.spent.items()}
    session.save()
    return old, new


def replay(server: Server, email: str) -> tuple[int, int]:
    """How many events and mails come of a stolen token that 20 callers present at once."""
    old, new = signed_in(server, email)
    server.forget_mails()
    answers = at_once([lambda: server.post("/api/auth/refresh/", {"refresh": old})] * 20)
    assert Counter(answer.status for answer in answers) == {401: 20}
    assert server.post("/api/auth/refresh/", {"refresh": new}).status == 401
    session = Session.objects.latest("created_at")
    assert session.revoked_at is not None
    events = AuditEvent.objects.filter(action="user.session_stolen", changes__session__0=str(session.pk))
    return events.count(), len(server.mails(email))


def test_a_stolen_token_ends_the_session_with_one_event_and_one_mail(served: Server) -> None:
    user = UserFactory()
    for _ in range(ROUNDS):
        assert replay(served, user.email) == (1, 1)


def test_control_without_the_lock_the_person_is_told_more_than_once(unguarded: Server) -> None:
    user = UserFactory()
    assert max(replay(unguarded, user.email) for _ in range(ROUNDS)) > (1, 1)


def test_within_the_race_nothing_ends(served: Server) -> None:
    user = UserFactory()
    old = served.post("/api/auth/login/", {"email": user.email, "password": PASSWORD}).json["refresh"]
    new = served.post("/api/auth/refresh/", {"refresh": old}).json["refresh"]
    answers = at_once([lambda: served.post("/api/auth/refresh/", {"refresh": old})] * 20)
    assert Counter((answer.status, answer.code) for answer in answers) == {(409, "token_just_used"): 20}
    assert served.post("/api/auth/refresh/", {"refresh": new}).status == 200
    assert served.mails(user.email) == []


def test_who_refreshes_while_signing_out_everywhere_is_signed_out(served: Server) -> None:
    user = UserFactory()
    for _ in range(ROUNDS):
        pair = served.post("/api/auth/login/", {"email": user.email, "password": PASSWORD}).json
        refreshes = [lambda: served.post("/api/auth/refresh/", {"refresh": pair["refresh"]})] * 11  # noqa: B023 - called in this round
        leaving = [lambda: served.post("/api/auth/sessions/revoke-all/", {}, pair["access"])]  # noqa: B023 - called in this round
        answers = at_once([*refreshes, *leaving])
        assert answers[-1].status == 200
        for answer in answers[:-1]:
            if answer.status == 200:
                assert served.post("/api/auth/refresh/", {"refresh": answer.json["refresh"]}).status == 401
        assert not Session.objects.live().exists()
