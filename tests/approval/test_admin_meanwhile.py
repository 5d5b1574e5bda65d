"""What happens in the admin while somebody else works there too: forms that are older, and access that ends."""

from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.db.models import F
from django.test import Client
from pytest_django import Settings

from keystone.accounts.editing import change_roles, change_user
from keystone.accounts.grants import change_grants
from keystone.accounts.models import User
from keystone.actors.actor import Actor
from keystone.approval.saved_reasons import SavedReason
from keystone.audit.models import AuditEvent
from keystone.sign_in.admin.site import KeystoneAdminSite
from keystone.testing.factories import UserFactory, superuser
from tests.approval.admin_pages import DECISION, PEOPLE, QUEUE, browser, page_of, waiting
from tests.every_row import rows


def profiles() -> Any:
    """The profiles of the example project, which the core may not import."""
    return apps.get_model("project", "Profile").objects


pytestmark = pytest.mark.django_db
NEW = "an entirely different sentence"


def form_of(page: Any) -> dict[str, Any]:
    """What a browser would post of a page's form: each field, and what the page says it was."""
    form = page.context["adminform"].form
    posted: dict[str, Any] = {}
    for name in form.fields:
        field = form[name]
        shown = getattr(field.field.widget, "widget", field.field.widget)  # without Django's links around it
        _add(posted, shown.get_context(field.html_name, field.value(), {})["widget"])
        _add(posted, field.field.hidden_widget().get_context(field.html_initial_name, field.value(), {})["widget"])
    return posted


def _add(posted: dict[str, Any], widget: dict[str, Any]) -> None:
    if "subwidgets" in widget:
        for part in widget["subwidgets"]:
            _add(posted, part)
    elif widget.get("type") == "checkbox":
        if widget["attrs"].get("checked"):
            posted[widget["name"]] = "on"
    elif "optgroups" in widget:
        posted[widget["name"]] = [str(value) for value in widget["value"]]
    else:
        posted.setdefault(widget["name"], []).append("" if widget["value"] is None else str(widget["value"]))


@pytest.fixture
def client(root: User) -> Client:
    """The browser of a superuser."""
    return browser(root)


@pytest.fixture
def other() -> Actor:
    """Another superuser."""
    return Actor.administrator(superuser(email="zoe@example.com"))


def test_the_page_shows_what_each_field_was(client: Client) -> None:
    user = UserFactory(first_name="Ann")
    user.groups.add(Group.objects.create(name="Editors"))
    text = client.get(page_of(user)).content.decode()
    assert '<input type="hidden" name="initial-first_name" value="Ann"' in text
    for name in ("last_name", "access_ends_at_0", "is_staff", "is_superuser", "groups", "user_permissions"):
        assert f'name="initial-{name}"' in text


def test_an_older_form_changes_what_it_changed_and_nothing_else(client: Client, root: User, other: Actor) -> None:
    editors, writers = (Group.objects.create(name=name) for name in ("Editors", "Writers"))
    right = Permission.objects.get(codename="approve_user", content_type__model="user")
    user = UserFactory(first_name="Ann", last_name="Smith", is_staff=True)
    user.groups.add(editors)
    posted = form_of(client.get(page_of(user)))
    change_grants(user, by=other, groups=[writers], permissions=[right])
    change_user(user, by=other, last_name="Jones", is_staff=False)
    answer = client.post(page_of(user), {**posted, "first_name": "Anna"})
    assert answer.status_code == 302, answer.context["errors"]
    user.refresh_from_db()
    assert (user.first_name, user.last_name, user.is_staff) == ("Anna", "Jones", False)
    assert list(user.groups.all()) == [writers]
    assert list(user.user_permissions.all()) == [right]
    mine = AuditEvent.objects.filter(actor=root, target_id=str(user.pk))
    assert [event.changes for event in mine] == [{"first_name": ["Ann", "Anna"]}]


def test_a_field_that_both_changed_is_refused_with_the_name_of_the_other(client: Client, other: Actor) -> None:
    editors, writers = (Group.objects.create(name=name) for name in ("Editors", "Writers"))
    user = UserFactory(first_name="Ann")
    posted = form_of(client.get(page_of(user)))
    change_user(user, by=other, first_name="Bea")
    change_grants(user, by=other, groups=[editors])
    mine = {"first_name": "Cleo", "groups": [str(writers.pk)], "last_name": "Mine"}
    answer = client.post(page_of(user), {**posted, **mine})
    assert answer.status_code == 200
    errors = answer.context["adminform"].form.errors
    text = "This has been changed in the meantime by zoe@example.com. Reload the page to see the change."
    assert errors == {"first_name": [text], "groups": [text]}
    user.refresh_from_db()
    assert (user.first_name, user.last_name, list(user.groups.all())) == ("Bea", "Example", [editors])


def test_the_same_change_by_both_is_no_conflict(client: Client, other: Actor) -> None:
    user = UserFactory(first_name="Ann")
    posted = form_of(client.get(page_of(user)))
    change_user(user, by=other, first_name="Bea")
    assert client.post(page_of(user), {**posted, "first_name": "Bea"}).status_code == 302
    assert AuditEvent.objects.filter(action="user.changed").count() == 1


def test_an_older_form_of_a_group_gives_nothing_back(client: Client, root: User, other: Actor) -> None:
    rights = list(Permission.objects.filter(codename__in=["view_user", "change_user"], content_type__model="user"))
    group = Group.objects.create(name="Editors")
    group.permissions.set(rights)
    page = f"/admin/auth/group/{group.pk}/change/"
    posted = form_of(client.get(page))
    posted = {key: value for key, value in posted.items() if key != "permissions"}  # chosen from a searched list
    chosen = [str(right.pk) for right in rights]
    group.permissions.set(rights[:1])
    assert client.post(page, {**posted, "permissions": chosen, "name": "Writers"}).status_code == 302
    group.refresh_from_db()
    assert (group.name, list(group.permissions.all())) == ("Writers", rights[:1])
    event = AuditEvent.objects.get(action="group.changed")
    assert (event.changes, event.actor_id) == ({"name": ["Editors", "Writers"]}, root.pk)


def test_a_project_form_keeps_what_others_wrote(client: Client) -> None:
    profile = profiles().create(user=UserFactory(), organisation="ACME")
    page = f"/admin/project/profile/{profile.pk}/change/"
    posted = form_of(client.get(page))
    profiles().update(organisation="Initech")
    assert client.post(page, posted).status_code == 302
    assert profiles().get().organisation == "Initech"
    answer = client.post(page, {**posted, "organisation": "Hooli"})
    errors = answer.context["adminform"].form.errors
    assert errors == {"organisation": ["This has been changed in the meantime. Reload the page to see the change."]}
    assert LogEntry.objects.count() == 0


def test_who_lost_access_meanwhile_does_nothing_and_is_sent_to_sign_in(
    root: User, settings: Settings, monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    user, pending = UserFactory(first_name="Ann"), waiting()
    group = Group.objects.create(name="Editors")
    profile = profiles().create(user=user)
    page = f"{PEOPLE}{user.pk}"
    doors: list[tuple[str, dict[str, Any]]] = [
        (page_of(user), {"first_name": "Eve", "last_name": "Smith"}),
        (f"{PEOPLE}add/", {"email": "new@example.com", "first_name": "New"}),
        (f"{page}/password/", {"password1": NEW, "password2": NEW}),
        (f"{page}/suspend/", {**DECISION, "reason": "x"}),
        (f"{page}/sessions/", {"end": "all"}),
        (f"{page}/personal-data/", {"export": "1"}),
        (f"{page}/personal-data/", {"email": user.email}),
        (f"{PEOPLE}export/", {}),
        (f"{QUEUE}{pending.pk}/approve/", DECISION),
        (f"{QUEUE}bulk/approve/", {**DECISION, "id": [str(pending.pk)]}),
        ("/admin/auth/group/add/", {"name": "New"}),
        (f"/admin/auth/group/{group.pk}/change/", {"name": "Renamed"}),
        (f"/admin/auth/group/{group.pk}/delete/", {"post": "yes"}),
        ("/admin/auth/group/", {"action": "delete_selected", "_selected_action": [str(group.pk)], "post": "yes"}),
        ("/admin/project/profile/add/", {"user": str(root.pk), "organisation": "x"}),
        (f"/admin/project/profile/{profile.pk}/change/", {"user": str(user.pk), "organisation": "x"}),
        (f"/admin/project/profile/{profile.pk}/delete/", {"post": "yes"}),
        ("/admin/keystone/auditevent/export/", {}),
        ("/admin/notices/", {"approval_notices": "digest"}),
    ]
    client = browser(root)
    admits = KeystoneAdminSite.has_permission

    def then_end_access(self: KeystoneAdminSite, request: Any) -> bool:
        allowed = admits(self, request)
        User.objects.filter(pk=request.user.pk).update(access_version=F("access_version") + 1)
        return allowed

    for path, fields in doors:
        client.force_login(User.objects.get(pk=root.pk))
        with subtests.test(path=path), monkeypatch.context() as patched:
            patched.setattr(KeystoneAdminSite, "has_permission", then_end_access)
            before = stored()
            answer = client.post(path, fields)
            assert answer.status_code == 302
            assert answer["Location"].startswith("/admin/login/?next=/admin/")
            assert stored() == before
    assert LogEntry.objects.count() == 0


def stored() -> list[str]:
    """Every row but sessions, counts of attempts and the superuser's own."""
    return sorted(
        row for row in rows() if not any(table in row[:40] for table in ("session", "attempt")) and "root@" not in row
    )


def test_a_demotion_meanwhile_is_judged_by_roles_and_permissions_as_they_are(anna: User, other: Actor) -> None:
    client = browser(anna)
    user = waiting()
    change_roles(anna, by=other, is_staff=False)
    assert client.post(f"{QUEUE}{user.pk}/approve/", DECISION)["Location"].startswith("/admin/login/")


def test_ends_of_lines_and_space_around_a_text_are_no_change(client: Client) -> None:
    reason = SavedReason.objects.create(title="Twice", text=" one\ntwo ")
    page = f"/admin/keystone/savedreason/{reason.pk}/change/"
    posted = form_of(client.get(page))
    shown = {"initial-text": " one\r\ntwo ", "text": "three"}  # as browsers send what was shown
    assert client.post(page, {**posted, **shown}).status_code == 302
    assert SavedReason.objects.get().text == "three"
    assert client.post(page, {**posted, **shown, "text": "four"}).status_code == 200
    assert SavedReason.objects.get().text == "three"
