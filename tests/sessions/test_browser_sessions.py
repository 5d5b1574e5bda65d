"""Sign-ins to the admin and the browsable API: listed among a person's sessions, and ended one by one."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.models import Session as DjangoSession
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from keystone.accounts.models import User
from keystone.actors.acting import AccessEnded
from keystone.actors.actor import Actor
from keystone.audit.models import AuditEvent
from keystone.privacy.erasing import erase_person
from keystone.sessions.browser_sessions import continue_browser_session
from keystone.sessions.browser_store import SessionStore, stored_key
from keystone.sessions.models import Session
from keystone.sign_in.in_browser import enter
from keystone.testing.factories import PASSWORD, UserFactory, superuser
from tests.two_factor.phone import fresh_code, set_up

pytestmark = pytest.mark.django_db
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Gecko/20100101 Firefox/130.0"
ADMIN, API = "/admin/login/", "/api/session/login/"


def signed_in_at(address: str, user: User) -> Client:
    """A browser that a person has signed in with on this page."""
    client = Client(headers={"user-agent": FIREFOX}, REMOTE_ADDR="192.0.2.7")
    assert client.post(address, {"username": user.email, "password": PASSWORD}).status_code == 302
    return client


def is_in(client: Client) -> bool:
    return client.get("/admin/").status_code == 200


def test_a_sign_in_is_listed_with_where_and_what_it_came_from(root: User) -> None:
    person = UserFactory()
    for address, user in ((ADMIN, root), (API, person)):
        client = signed_in_at(address, user)
        session = Session.objects.live().get(user=user)
        assert session.browser_key == stored_key(str(client.session.session_key))
        assert (session.ip_address, session.user_agent, session.refresh_digest) == ("192.0.2.7", FIREFOX, "")
        kept_until = DjangoSession.objects.get(session_key=session.browser_key).expire_date
        assert abs(session.expires_at - kept_until) < timedelta(minutes=1)
        page = client.get("/api/auth/sessions/?format=json").json()["results"]
        assert [(row["id"], row["kind"], row["current"]) for row in page] == [(str(session.pk), "browser", True)]
    assert signed_in_at(ADMIN, root).get("/api/auth/sessions/?format=json").json()["results"][1]["current"] is False


def test_no_key_of_a_session_is_shown(root: User) -> None:
    client = signed_in_at(ADMIN, root)
    key = str(client.session.session_key)
    session = Session.objects.get()
    for address in (
        f"/admin/keystone/user/{root.pk}/sessions/",
        "/admin/keystone/session/",
        f"/admin/keystone/session/{session.pk}/change/",
        "/api/auth/sessions/",
        f"/api/users/{root.pk}/sessions/",
    ):
        page = client.get(address)
        assert page.status_code == 200
        for secret in (key, stored_key(key)):
            assert secret not in page.content.decode(), address


def test_each_is_ended_by_itself_through_every_door(root: User, signed_in: Callable[[User], APIClient]) -> None:
    def by_person_page(session: Session) -> Any:
        return signed_in_at(ADMIN, superuser()).post(
            f"/admin/keystone/user/{session.user_id}/sessions/", {"end": str(session.pk)}
        )

    def by_list(session: Session) -> Any:
        chosen = {"action": "end_selected", "_selected_action": str(session.pk)}
        return signed_in_at(ADMIN, superuser()).post("/admin/keystone/session/", chosen)

    def by_staff_api(session: Session) -> Any:
        return signed_in(superuser()).delete(f"/api/users/{session.user_id}/sessions/{session.pk}/")

    def by_owner(session: Session) -> Any:
        return signed_in(session.user).delete(f"/api/auth/sessions/{session.pk}/")

    for end in (by_person_page, by_list, by_staff_api, by_owner):
        person = superuser()
        ended, other = signed_in_at(ADMIN, person), signed_in_at(ADMIN, person)
        session = Session.objects.get(browser_key=stored_key(str(ended.session.session_key)))
        assert end(session).status_code in {204, 302}
        assert (is_in(ended), is_in(other)) == (False, True), end.__name__
        assert AuditEvent.objects.filter(action="user.session_ended", target_id=str(person.pk)).count() == 1


def test_signing_out_ends_what_is_listed(root: User) -> None:
    client = signed_in_at(ADMIN, root)
    client.post("/admin/logout/")
    assert not Session.objects.live().exists()
    assert Session.objects.get().revoked_at is not None


def test_a_second_factor_changes_the_key_and_keeps_one_row(root: User) -> None:
    set_up(root)
    client = signed_in_at(ADMIN, root)
    assert not Session.objects.exists()  # the password alone signs nobody in
    client.post("/admin/login/code/", {"code": fresh_code(root)})
    assert is_in(client)
    assert Session.objects.live().get().browser_key == stored_key(str(client.session.session_key))


def test_after_a_new_password_only_this_browser_is_in_and_listed(root: User) -> None:
    client, other = signed_in_at(ADMIN, root), signed_in_at(ADMIN, root)
    new = {"old_password": PASSWORD, "new_password1": "quite another one", "new_password2": "quite another one"}
    assert client.post("/admin/password_change/", new).status_code == 302
    assert (is_in(client), is_in(other)) == (True, False)
    assert Session.objects.live().get().browser_key == stored_key(str(client.session.session_key))


def test_everywhere_else_ends_the_others_and_keeps_this_browser(root: User) -> None:
    client, other = signed_in_at(ADMIN, root), signed_in_at(ADMIN, root)
    response = client.post("/api/auth/sessions/revoke-all/", {"keep_current": True}, "application/json")
    assert response.json() == {"tokens": None}
    assert (is_in(client), is_in(other)) == (True, False)
    assert Session.objects.live().get().browser_key == stored_key(str(client.session.session_key))


def test_use_is_noted_every_few_minutes_and_prolongs_nothing(root: User) -> None:
    client = signed_in_at(ADMIN, root)
    before = Session.objects.get()
    with CaptureQueriesContext(connection) as fresh:
        client.get("/admin/")
    assert Session.objects.get().last_used_at == before.last_used_at
    Session.objects.update(last_used_at=timezone.now() - timedelta(minutes=6))
    with CaptureQueriesContext(connection) as noted:
        client.get("/admin/")
    assert len(noted) == len(fresh) + 1
    after = Session.objects.get()
    assert timezone.now() - after.last_used_at < timedelta(minutes=1)
    assert after.expires_at == before.expires_at
    Session.objects.update(expires_at=timezone.now())
    assert not is_in(client)


def test_an_erasure_deletes_them(root: User) -> None:
    person = UserFactory()
    client = signed_in_at(API, person)
    key = stored_key(str(client.session.session_key))
    erase_person(person, by=Actor.administrator(root))
    assert not Session.objects.filter(user=person).exists()
    assert not DjangoSession.objects.filter(session_key=key).exists()


def test_a_sign_in_beside_an_erasure_leaves_nothing(rf: RequestFactory) -> None:
    for go_in in (lambda request, person: enter(request, person, None), continue_browser_session):
        person = UserFactory()
        email = person.email
        erase_person(User.objects.get(pk=person.pk), by=Actor.cli())  # after the password was found to be right
        request: Any = rf.post(API, headers={"user-agent": FIREFOX})
        request.session, request.user = SessionStore(), AnonymousUser()
        with pytest.raises(AccessEnded):
            go_in(request, person)
        assert not Session.objects.filter(user=person).exists()
        assert not AuditEvent.objects.filter(actor_label=email).exists()
        assert User.objects.get(pk=person.pk).last_login is None
        assert SESSION_KEY not in request.session
