"""The ready-made groups, and choosing permissions in plain words."""

import re
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test.utils import CaptureQueriesContext

from keystone.accounts.models import User
from keystone.accounts.permission_words import WORDS, code_of, in_groups, meaningful, words_of
from keystone.audit.models import AuditEvent
from keystone.testing.factories import UserFactory, approver
from tests.approval.admin_pages import PEOPLE, QUEUE, browser, waiting

pytestmark = pytest.mark.django_db
MIGRATION = import_module("keystone.migrations.0007_roles")
EDITOR = SimpleNamespace(connection=connection)
GROUPS = "/admin/auth/group/"


@pytest.fixture
def roles() -> dict[str, Group]:
    """The groups as the migration makes them."""
    Group.objects.filter(name__in=MIGRATION.ROLES).delete()
    MIGRATION.make_roles(apps, EDITOR)
    return {group.name: group for group in Group.objects.filter(name__in=MIGRATION.ROLES)}


def codes(group: Group) -> set[str]:
    """What a group allows."""
    return {code_of(row) for row in group.permissions.select_related("content_type")}


def test_roles_are_made_with_permissions_that_exist_once(roles: dict[str, Group]) -> None:
    assert set(roles) == {"Approver", "Support", "Auditor"}
    assert codes(roles["Approver"]) == {
        "keystone.view_user",
        "keystone.approve_user",
        "keystone.view_savedreason",
        "keystone.add_savedreason",
        "keystone.change_savedreason",
    }
    for name, group in roles.items():
        assert len(codes(group)) == len(MIGRATION.ROLES[name])
        assert codes(group) <= set(WORDS)
    assert {code for code in codes(roles["Auditor"]) if not re.search(r"\.(view|export)_", code)} == set()
    names = dict(Permission.objects.filter(content_type__app_label="keystone").values_list("codename", "name"))
    assert {code: names[code] for (_model, code) in MIGRATION.NAMES} == {
        code: name for (_model, code), name in MIGRATION.NAMES.items()
    }


def test_roles_are_made_where_no_permission_exists_yet(roles: dict[str, Group]) -> None:
    Group.objects.all().delete()
    Permission.objects.all().delete()
    ContentType.objects.filter(app_label="keystone").delete()
    ContentType.objects.clear_cache()
    MIGRATION.make_roles(apps, EDITOR)
    assert codes(Group.objects.get(name="Support")) == {f"keystone.{name}" for name in MIGRATION.ROLES["Support"]}
    ContentType.objects.clear_cache()


def test_groups_of_a_project_with_such_a_name_stay_and_used_ones_outlive_a_downgrade(roles: dict[str, Group]) -> None:
    Group.objects.filter(name__in=MIGRATION.ROLES).delete()
    own = Group.objects.create(name="Support")
    MIGRATION.make_roles(apps, EDITOR)
    assert codes(own) == set()
    UserFactory().groups.add(Group.objects.get(name="Auditor"))
    MIGRATION.delete_unused_roles(apps, EDITOR)
    assert set(Group.objects.filter(name__in=MIGRATION.ROLES).values_list("name", flat=True)) == {"Support", "Auditor"}


def test_whoever_is_in_a_role_can_do_its_work(roles: dict[str, Group]) -> None:
    user = waiting()
    for name, pages in {
        "Approver": {QUEUE: 200, f"{QUEUE}{user.pk}/approve/": 200, "/admin/keystone/savedreason/": 200},
        "Support": {QUEUE: 403, f"{PEOPLE}{user.pk}/sessions/": 200, "/admin/keystone/outgoingmail/": 200},
        "Auditor": {QUEUE: 403, "/admin/keystone/auditevent/": 200, GROUPS: 200, f"{PEOPLE}{user.pk}/history/": 200},
    }.items():
        member = UserFactory(is_staff=True)
        member.groups.add(roles[name])
        client = browser(member)
        assert {address: client.get(address).status_code for address in pages} == pages


def test_every_permission_of_the_core_has_words_and_no_framework_is_offered() -> None:
    offered = {code_of(permission) for permission in meaningful()}
    assert {code for code in offered if not code.startswith("project.")} == set(WORDS)
    assert {code for code in offered if code.startswith("project.")} == {
        f"project.{verb}_profile" for verb in ("add", "change", "delete", "view")
    }
    project = [
        words
        for permission in meaningful()
        if code_of(permission) == "project.view_profile"
        for words in [words_of(permission)]
    ]
    assert [(str(words.title), str(words.subject)) for words in project] == [("See profiles", "Project")]
    with CaptureQueriesContext(connection) as queries:
        groups = in_groups(meaningful())
    assert len(queries) == 1
    assert [subject for subject, _rows in groups] == [
        "Decisions",
        "People",
        "Sessions and limits",
        "Mail",
        "Operations",
        "Audit",
        "Project",
    ]


def test_a_permission_whose_model_has_gone_does_not_break_the_page(root: User) -> None:
    gone = ContentType.objects.create(app_label="project", model="gone")
    Permission.objects.create(content_type=gone, codename="view_gone", name="Can view gone")
    page = browser(root).get(f"{GROUPS}add/").content.decode()
    assert "Can view gone" in page


def test_group_page_shows_boxes_with_a_sentence_and_saves_what_is_ticked(root: User) -> None:
    client = browser(root)
    page = client.get(f"{GROUPS}add/").content.decode()
    assert page.count('type="checkbox" name="permissions"') == len(meaningful())
    assert "See who is waiting, decide on them, and withdraw rejections." in page
    for framework in ("log entry", "procrastinate", "content type", "django job"):
        assert framework not in page.lower()
    chosen = [str(row.pk) for row in meaningful() if code_of(row) in {"keystone.view_user", "project.view_profile"}]
    assert client.post(f"{GROUPS}add/", {"name": "Readers", "permissions": chosen}).status_code == 302
    group = Group.objects.get(name="Readers")
    assert codes(group) == {"keystone.view_user", "project.view_profile"}
    event = AuditEvent.objects.get(action="group.created")
    assert event.changes["permissions"] == [None, ["keystone.view_user", "project.view_profile"]]


def test_saving_a_form_takes_nothing_away_that_it_does_not_offer_to_others(root: User) -> None:
    hidden = Permission.objects.get(content_type__app_label="sessions", codename="view_session")
    group, person = Group.objects.create(name="Old"), UserFactory()
    group.permissions.add(hidden)
    person.user_permissions.add(hidden)
    client = browser(root)
    form = client.get(f"{GROUPS}{group.pk}/change/").context["adminform"].form
    assert hidden in form.fields["permissions"].queryset
    ticked = [str(row.pk) for row in form.initial["permissions"]]
    assert client.post(f"{GROUPS}{group.pk}/change/", {"name": "New", "permissions": ticked}).status_code == 302
    assert codes(group) == {"sessions.view_session"}
    form = client.get(f"{PEOPLE}{person.pk}/change/").context["adminform"].form
    assert hidden in form.fields["user_permissions"].queryset
    assert hidden not in client.get(f"{GROUPS}add/").context["adminform"].form.fields["permissions"].queryset


def test_what_is_not_offered_cannot_be_given(root: User) -> None:
    hidden = Permission.objects.get(content_type__app_label="contenttypes", codename="add_contenttype")
    response = browser(root).post(f"{GROUPS}add/", {"name": "Odd", "permissions": [str(hidden.pk)]})
    assert response.status_code == 200
    assert not Group.objects.filter(name="Odd").exists()


def test_whoever_only_looks_reads_a_group_in_words(roles: dict[str, Group]) -> None:
    viewer = UserFactory(is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(content_type__app_label="auth", codename="view_group"))
    page = browser(viewer).get(f"{GROUPS}{roles['Approver'].pk}/change/").content.decode()
    assert "<b>People</b>: See people" in page
    assert 'name="permissions"' not in page
    assert browser(viewer).post(f"{GROUPS}{roles['Approver'].pk}/change/", {"name": "x"}).status_code == 403
    assert browser(approver()).get(GROUPS).status_code == 403


def test_choosing_permissions_costs_the_same_at_one_and_three_of_them(root: User) -> None:
    client = browser(root)
    group = Group.objects.create(name="Some")

    def queries(count: int) -> int:
        group.permissions.set(meaningful()[:count])
        with CaptureQueriesContext(connection) as found:
            client.get(f"{GROUPS}{group.pk}/change/")
        return len(found)

    queries(1)  # what a process keeps
    assert queries(3) == queries(1)


def offered_on_a_persons_page(client: Any, person: User) -> str:
    """The page's text."""
    text: str = client.get(f"{PEOPLE}{person.pk}/change/").content.decode()
    return text


def test_a_persons_page_offers_them_in_groups(root: User) -> None:
    page = offered_on_a_persons_page(browser(root), UserFactory())
    assert '<optgroup label="Sessions and limits">' in page
    assert "Approve and reject" in page
    assert "Can view content type" not in page
