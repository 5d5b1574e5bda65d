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
from keystone.audit.actor import Actor
from keystone.tests.factories import PASSWORD, UserFactory, superuser
from keystone.tests.served.server import Answer, Browser, Server, link_token

pytestmark = [pytest.mark.served, pytest.mark.django_db(transaction=True)]
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
