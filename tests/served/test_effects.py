"""Promise 5: what ends access applies to the next request, whatever the credential.

Each event with each of {access token, refresh token, one-time token, session of Django's admin} → refused.
"""

from collections.abc import Callable

import pytest

from keystone.accounts import lifecycle
from keystone.accounts.editing import change_roles
from keystone.accounts.models import User
from keystone.accounts.status import Status
from keystone.accounts.tokens import OneTimeToken
from keystone.actors.actor import Actor
from keystone.testing.factories import PASSWORD, UserFactory, superuser
from tests.served.server import Answer, Browser, Server, at_once, link_token

pytestmark = pytest.mark.django_db(transaction=True)
NEW = "another long password"


class Credentials:
    """Everything that lets somebody in, or changes their account, got before the event."""

    def __init__(self, server: Server, user: User) -> None:
        self.server, self.user = server, user
        pair = server.post("/api/auth/login/", {"email": user.email, "password": PASSWORD}).json
        self.access, self.refresh = pair["access"], pair["refresh"]
        self.browser: Browser = server.browser().sign_in(user.email, PASSWORD)
        server.post("/api/auth/password/reset/", {"email": user.email})
        self.token = link_token(server.mails(user.email)[-1], "reset-password")

    def tries(self) -> dict[str, Answer]:
        """One request with each."""
        return {
            "access": self.server.get("/api/me/", {"Authorization": f"Bearer {self.access}"}),
            "refresh": self.server.post("/api/auth/refresh/", {"refresh": self.refresh}),
            "one-time token": self.server.post(
                "/api/auth/password/reset/confirm/", {"token": self.token, "new_password": "a third long password"}
            ),
            "admin": self.browser.send("GET", "/admin/keystone/user/"),
        }


def administrator(server: Server) -> str:
    """The access token of a superuser."""
    root = superuser(email="root@example.com")
    access: str = server.post("/api/auth/login/", {"email": root.email, "password": PASSWORD}).json["access"]
    return access


def suspend(server: Server, mine: Credentials) -> Answer:
    return server.post(f"/api/users/{mine.user.pk}/suspend/", {"reason": "x"}, administrator(server))


def deactivate(server: Server, mine: Credentials) -> Answer:
    return server.post(f"/api/users/{mine.user.pk}/deactivate/", {}, administrator(server))


def suspend_and_reactivate(server: Server, mine: Credentials) -> Answer:
    access = administrator(server)
    server.post(f"/api/users/{mine.user.pk}/suspend/", {"reason": "x"}, access)
    return server.post(f"/api/users/{mine.user.pk}/reactivate/", {}, access)


def deactivate_oneself(server: Server, mine: Credentials) -> Answer:
    return server.post("/api/me/deactivate/", {"current_password": PASSWORD}, mine.access)


def lose_a_role(server: Server, mine: Credentials) -> Answer:
    body = {"is_staff": False}
    return server.request_json("PATCH", f"/api/users/{mine.user.pk}/", body, administrator(server))


def change_password(server: Server, mine: Credentials) -> Answer:
    body = {"current_password": PASSWORD, "new_password": NEW}
    return server.post("/api/auth/password/change/", body, mine.access)


def reset_password(server: Server, mine: Credentials) -> Answer:
    body = {"token": mine.token, "new_password": NEW}
    return server.post("/api/auth/password/reset/confirm/", body)


def set_by_an_administrator(server: Server, mine: Credentials) -> Answer:
    root = server.browser().sign_in(superuser().email, PASSWORD)
    fields = {"password1": NEW, "password2": NEW}
    return root.send("POST", f"/admin/keystone/user/{mine.user.pk}/password/", fields)


def sign_out_everywhere(server: Server, mine: Credentials) -> Answer:
    return server.post("/api/auth/sessions/revoke-all/", {}, mine.access)


def sign_out_everywhere_else(server: Server, mine: Credentials) -> Answer:
    return server.post("/api/auth/sessions/revoke-all/", {"keep_current": True}, mine.access)


def signed_out_by_staff(server: Server, mine: Credentials) -> Answer:
    return server.post(f"/api/users/{mine.user.pk}/sessions/revoke-all/", {}, administrator(server))


EVENTS: list[Callable[[Server, Credentials], Answer]] = [
    suspend,
    deactivate,
    suspend_and_reactivate,
    deactivate_oneself,
    lose_a_role,
    change_password,
    reset_password,
    set_by_an_administrator,
    sign_out_everywhere,
    sign_out_everywhere_else,
    signed_out_by_staff,
]


@pytest.mark.parametrize("event", EVENTS)
def test_what_ends_access_applies_to_the_next_request(
    served: Server, event: Callable[[Server, Credentials], Answer]
) -> None:
    mine = Credentials(served, UserFactory(is_staff=True, email="ann@example.com"))
    assert event(served, mine).status in {200, 204, 302}
    answers = mine.tries()
    refused = {name: answer.status for name, answer in answers.items()}
    assert refused == {"access": 401, "refresh": 401, "one-time token": 400, "admin": 302}
    assert answers["access"].headers["www-authenticate"] == 'Bearer realm="api", error="invalid_token"'
    assert answers["refresh"].headers["www-authenticate"].startswith("Bearer")
    assert answers["admin"].headers["location"].startswith("/admin/login/")
    assert not User.objects.get(pk=mine.user.pk).check_password("a third long password")


def test_a_rejection_ends_the_links_of_somebody_who_waits(served: Server) -> None:
    served.post("/api/auth/register/", {"email": "ann@example.com", "password": PASSWORD, "first_name": "Ann"})
    token = link_token(served.mails("ann@example.com")[0])
    user = User.objects.get(email="ann@example.com")
    answer = served.post(f"/api/users/{user.pk}/reject/", {"reason": "x"}, administrator(served))
    assert answer.status == 200
    assert served.post("/api/auth/verify-email/", {"token": token}).code == "invalid_token"
    assert not OneTimeToken.objects.filter(used_at__isnull=True).exists()
    assert User.objects.get(pk=user.pk).status == Status.REJECTED


def test_a_person_who_is_deleted_gets_401_and_never_500(served: Server) -> None:
    mine = Credentials(served, UserFactory(is_staff=True))
    mine.user.delete()
    answers = mine.tries()
    assert {name: answer.status for name, answer in answers.items()} == {
        "access": 401,
        "refresh": 401,
        "one-time token": 400,
        "admin": 302,
    }


def test_control_what_only_changes_names_ends_nothing(served: Server) -> None:
    mine = Credentials(served, UserFactory(is_staff=True, email="ann@example.com"))
    User.objects.filter(pk=mine.user.pk).update(is_superuser=True)
    body = {"first_name": "Anna"}
    assert served.request_json("PATCH", "/api/me/", body, mine.access).status == 200
    answers = mine.tries()
    assert [answers[name].status for name in ("access", "refresh", "one-time token")] == [200, 200, 200]


def test_the_verbs_of_commands_and_jobs_end_access_too(served: Server) -> None:
    superuser()
    ends: list[Callable[[User], User]] = [
        lambda user: lifecycle.suspend_user(user, by=Actor.job("contracts"), reason="x"),
        lambda user: lifecycle.deactivate_user(user, by=Actor.cli()),
        lambda user: change_roles(user, by=Actor.cli(), is_staff=False),
    ]
    for end in ends:
        mine = Credentials(served, UserFactory(is_staff=True))
        end(mine.user)
        assert [answer.status for answer in mine.tries().values()] == [401, 401, 400, 302]


# -- Requests that are in flight ---------------------------------------------------------------------------------
ROUNDS = 10


def acts_while_access_ends(server: Server) -> int:
    """How many credentials of somebody still work who kept acting while an administrator signed them out."""
    alive = 0
    for number in range(ROUNDS):
        user = UserFactory(is_staff=True)
        browser = server.browser().sign_in(user.email, PASSWORD)
        access = server.post("/api/auth/login/", {"email": user.email, "password": PASSWORD}).json["access"]
        root = superuser(email=f"root{number}@example.com")
        admin = server.post("/api/auth/login/", {"email": root.email, "password": PASSWORD}).json["access"]
        keep = {"keep_current": True}
        calls: list[Callable[[], Answer]] = [
            lambda: browser.send_json("POST", "/api/auth/sessions/revoke-all/", keep),  # noqa: B023 - called in this round
            lambda: server.post("/api/auth/sessions/revoke-all/", {"keep_current": True}, access),  # noqa: B023 - called in this round
        ] * 4
        calls.append(lambda: server.post(f"/api/users/{user.pk}/sessions/revoke-all/", {}, admin))  # noqa: B023 - called in this round
        answers = at_once(calls)
        assert answers[-1].status == 204
        kept = [answer.json["tokens"]["access"] for answer in answers[1:-1:2] if answer.status == 200]
        tokens = [server.get("/api/me/", {"Authorization": f"Bearer {token}"}).status for token in kept]
        cookies = [server.get("/api/me/", {"Cookie": f"sessionid={key}"}).status for key in browser.sessions]
        alive += 200 in tokens + cookies
    return alive


def test_who_keeps_acting_while_they_are_signed_out_is_signed_out(served: Server) -> None:
    assert acts_while_access_ends(served) == 0


def test_control_without_a_second_look_a_session_outlives_its_end(stock: Server) -> None:
    assert acts_while_access_ends(stock) > 0
