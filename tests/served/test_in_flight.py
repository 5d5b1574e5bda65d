"""Promise 5: a request that waits for a lock or a password hash while its caller loses access does nothing.

`tests/contract/test_access_ended.py` holds every operation to it in one process.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.apps import apps

from keystone.accounts.models import User
from keystone.accounts.status import Status
from keystone.testing.factories import PASSWORD, UserFactory, approver, superuser
from tests.faults.held_row import held_row
from tests.served.conftest import Serve
from tests.served.server import Answer, Browser, Server, at_once


def profiles() -> Any:
    """The profiles of the example project, which the core may not import."""
    return apps.get_model("project", "Profile").objects


pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 10
Act = Callable[["Actors", User], Answer]


class Actors:
    """Somebody who acts, signed in to the API and to the admin, and a superuser who ends their access."""

    def __init__(self, server: Server, person: User, root: User) -> None:
        self.server, self.person, self.root = server, person, root
        self.token = _token(server, person)
        self.root_token = _token(server, root)
        self.browser: Browser = server.browser().sign_in(person.email, PASSWORD)

    def end_access(self) -> Answer:
        """Suspend whoever acts, by a request of its own."""
        body = {"reason": "left"}
        return self.server.post(f"/api/users/{self.person.pk}/suspend/", body, self.root_token)


def _token(server: Server, user: User) -> str:
    access: str = server.post("/api/auth/login/", {"email": user.email, "password": PASSWORD}).json["access"]
    return access


def make_a_superuser(actors: Actors, friend: User) -> Answer:
    body = {"is_staff": True, "is_superuser": True}
    return actors.server.request_json("PATCH", f"/api/users/{friend.pk}/", body, actors.token)


def suspend_by_api(actors: Actors, friend: User) -> Answer:
    return actors.server.post(f"/api/users/{friend.pk}/suspend/", {"reason": "x"}, actors.token)


def suspend_many(actors: Actors, friend: User) -> Answer:
    body = {"action": "suspend", "ids": [str(friend.pk)], "reason": "x"}
    return actors.server.post("/api/users/bulk/", body, actors.token)


def suspend_in_the_admin(actors: Actors, friend: User) -> Answer:
    return actors.browser.send("POST", f"/admin/keystone/user/{friend.pk}/suspend/", {"reason": "x", "note": ""})


def rename_in_the_admin(actors: Actors, friend: User) -> Answer:
    fields = {"first_name": "Changed", "last_name": "Changed"}
    return actors.browser.send("POST", f"/admin/keystone/user/{friend.pk}/change/", fields)


ACTS: list[Act] = [make_a_superuser, suspend_by_api, suspend_many, suspend_in_the_admin, rename_in_the_admin]


def answers_after_the_end(server: Server, act: Act) -> tuple[set[int], int]:
    """Let `act` wait for a row while its caller loses access: the answers, and how often it did something."""
    statuses, acted = set(), 0
    for number in range(ROUNDS):
        holder = superuser() if act is make_a_superuser else approver("view_user", "suspend_user", "change_user")
        actors = Actors(server, holder, superuser(email=f"root{number}@example.com"))
        friend = UserFactory(first_name="Friend")
        with ThreadPoolExecutor(1) as pool:
            with held_row(friend) as waiting:
                answer = pool.submit(act, actors, friend)
                _until(lambda: waiting() == 1)
                assert actors.end_access().status == 200  # at once: it does not wait for the request that waits
            statuses.add(answer.result().status)
        fresh = User.objects.get(pk=friend.pk)
        acted += fresh.is_superuser or fresh.status != Status.ACTIVE or fresh.first_name != "Friend"
    return statuses, acted


@pytest.mark.parametrize("act", ACTS)
def test_who_loses_access_while_their_request_waits_does_nothing(served: Server, act: Act) -> None:
    signs_in_again = act in {suspend_in_the_admin, rename_in_the_admin}
    assert answers_after_the_end(served, act) == ({302 if signs_in_again else 401}, 0)


def test_control_without_the_second_look_every_request_acts(serve: Serve) -> None:
    unjudged = serve("tests.served.unjudged:application")
    assert answers_after_the_end(unjudged, make_a_superuser) == ({200}, ROUNDS)


def test_own_changes_beside_an_erasure_are_401_and_never_500(served: Server) -> None:
    refused = 0
    for number in range(ROUNDS):
        user = UserFactory(email=f"ann{number}@example.com")
        token = _token(served, user)
        body = {"current_password": PASSWORD, "email": user.email}
        calls: list[Callable[[], Answer]] = [
            lambda: served.request_json("PATCH", "/api/me/", {"first_name": "Changed"}, token),  # noqa: B023 - called in this round
            lambda: served.request_json("PATCH", "/api/profile/", {"organisation": "ACME"}, token),  # noqa: B023 - called in this round
        ] * 4
        calls.append(lambda: served.post("/api/me/erase/", body, token))  # noqa: B023 - called in this round
        statuses = [answer.status for answer in at_once(calls)]
        assert set(statuses) <= {200, 401}
        refused += statuses.count(401)
        erased = User.objects.get(pk=user.pk)
        assert (erased.first_name, profiles().filter(user=user).count()) == ("", 0)
    assert refused > 0


def test_registering_beside_an_erasure_is_never_500(served: Server) -> None:
    for _ in range(ROUNDS):
        user = UserFactory(email="ann@example.com")
        token = _token(served, user)
        body = {"email": user.email, "password": PASSWORD, "first_name": "Ann"}
        calls: list[Callable[[], Answer]] = [lambda: served.post("/api/auth/register/", body)] * 6  # noqa: B023 - called in this round
        own = {"current_password": PASSWORD, "email": user.email}
        calls.append(lambda: served.post("/api/me/erase/", own, token))  # noqa: B023 - called in this round
        statuses = {answer.status for answer in at_once(calls)}
        assert statuses <= {200, 202}
        User.objects.with_email("ann@example.com").delete()


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
