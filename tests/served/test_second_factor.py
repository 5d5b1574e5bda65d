"""A code works once, and N parallel guesses at it count as N: the second factor under load, 10 rounds each."""

import random
from collections import Counter

import pytest

from keystone.accounts.models import User
from keystone.audit.models import AuditEvent
from keystone.sessions.models import Session
from keystone.testing.factories import PASSWORD, UserFactory, approver
from keystone.throttling.models import AttemptWindow
from keystone.two_factor.models import RecoveryCode
from tests.served.conftest import WIDE, Serve
from tests.served.server import Answer, Server, at_once
from tests.two_factor.phone import WRONG, fresh_code, set_up

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 10
LIMIT = 5
# So wide that it is the code that refuses, and not the limit of attempts.


def log_in(server: Server, user: User, code: str) -> Answer:
    return server.post("/api/auth/login/", {"email": user.email, "password": PASSWORD, "code": code})


def logins_at_once(server: Server, user: User, code: str) -> Counter[str]:
    """20 logins with one code: how many got which answer."""
    answers = at_once([lambda: log_in(server, user, code)] * 20)
    return Counter(answer.code or str(answer.status) for answer in answers)


def test_one_code_20_at_once_gives_one_session(serve: Serve) -> None:
    server = serve(**WIDE)
    user = UserFactory()
    set_up(user)
    for number in range(ROUNDS):
        assert logins_at_once(server, user, fresh_code(user)) == {"200": 1, "invalid_code": 19}
        assert Session.objects.count() == number + 1


def test_one_recovery_code_20_at_once_gives_one_session(serve: Serve) -> None:
    server = serve(**WIDE)
    user = UserFactory()
    for number, code in enumerate(set_up(user), start=1):
        assert logins_at_once(server, user, code) == {"200": 1, "invalid_code": 19}
        assert Session.objects.count() == number
        assert RecoveryCode.objects.unused(user).count() == 10 - number
        assert AuditEvent.objects.filter(action="user.recovery_code_used").count() == number


def test_control_without_the_lock_a_code_works_more_than_once(serve: Serve) -> None:
    server = serve("tests.served.unguarded_codes:application", **WIDE)
    user = UserFactory()
    set_up(user)
    assert max(logins_at_once(server, user, fresh_code(user))["200"] for _ in range(ROUNDS)) > 1


def guesses_at_once(server: Server, user: User) -> list[Answer]:
    """40 guesses at the code on the admin's page, one of them right, after the right password."""
    browser = server.browser()
    browser.send("GET", "/admin/login/")
    step = browser.send("POST", "/admin/login/", {"username": user.email, "password": PASSWORD})
    assert step.headers["location"] == "/admin/login/code/"
    codes = [WRONG] * 39 + [fresh_code(user)]
    random.shuffle(codes)
    return at_once([lambda code=code: browser.send("POST", "/admin/login/code/", {"code": code}) for code in codes])  # type: ignore[misc]  # binds the code


def test_40_guesses_at_a_code_at_once_are_5_whatever_is_right_among_them(served: Server) -> None:
    for _round in range(ROUNDS):
        user = approver()
        set_up(user)
        answers = guesses_at_once(served, user)
        # Wrong, right, refused, or sent back to the first step because another one had got in.
        found = Counter(answer.headers.get("location", str(answer.status)) for answer in answers)
        # The right one takes its own attempt back, maybe before the sixth comes.
        assert found["200"] <= LIMIT
        assert found["/admin/"] <= 1
        assert set(found) <= {"200", "/admin/", "429", "/admin/login/"}
        assert all(answer.headers["retry-after"] for answer in answers if answer.status == 429)
        AttemptWindow.objects.all().delete()
