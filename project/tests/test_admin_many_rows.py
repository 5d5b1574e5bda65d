"""Admin forms with several rows: editable lists, and inlines."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.messages.storage.cookie import CookieStorage
from django.db import connection
from django.http import HttpRequest
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from keystone.accounts.models import User
from keystone.sign_in.admin.site import KeystoneAdminSite
from keystone.testing.factories import UserFactory
from project.models import Profile

pytestmark = pytest.mark.django_db
MANAGEMENT = {"form-TOTAL_FORMS": "2", "form-INITIAL_FORMS": "2", "_save": "Save"}


class ListAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # at run time it takes no argument
    """An editable list, with Django's own base class."""

    list_display = ("user", "organisation")
    list_editable = ("organisation",)
    ordering = ("organisation",)


class Row(admin.TabularInline):  # type: ignore[type-arg]  # as above
    """An inline."""

    model = Profile
    fields = ("organisation",)


class ParentAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # as above
    """A parent with an inline."""

    fields = ("first_name",)
    inlines = (Row,)


def request_of(rf: RequestFactory, root: User, data: dict[str, str] | None = None) -> HttpRequest:
    request: Any = rf.get("/") if data is None else rf.post("/", data)
    request.user, request._messages, request._dont_enforce_csrf_checks = root, CookieStorage(request), True
    return request  # type: ignore[no-any-return]  # typed as Any to set its attributes


def registered(model: Any, admin_class: Any) -> Any:
    site = KeystoneAdminSite("many")
    site.register(model, admin_class)
    return site.get_model_admin(model)


def test_a_list_that_is_edited_in_place_locks_its_rows_and_writes_what_it_changed(
    rf: RequestFactory, root: User
) -> None:
    lists = registered(Profile, ListAdmin)
    first, second = (Profile.objects.create(user=UserFactory(), organisation=name) for name in ("A", "B"))
    posted = MANAGEMENT.copy()
    for number, (profile, shown, typed) in enumerate(((first, "A", "A"), (second, "B", "C"))):
        posted |= {f"form-{number}-{name}": str(profile.pk) for name in ("id", "user")}
        posted |= {f"initial-form-{number}-organisation": shown, f"form-{number}-organisation": typed}
    Profile.objects.filter(pk=first.pk).update(organisation="Hooli")  # meanwhile
    with CaptureQueriesContext(connection) as queries:
        assert lists.changelist_view(request_of(rf, root, posted)).status_code == 302
    assert sorted(Profile.objects.values_list("organisation", flat=True)) == ["C", "Hooli"]
    texts = [query["sql"] for query in queries if 'FROM "project_profile"' in query["sql"]]
    assert [text.endswith("FOR NO KEY UPDATE") for text in texts].index(True) < len(texts) - 1


def test_rows_below_their_parent_write_what_they_changed(rf: RequestFactory, root: User) -> None:
    parents = registered(User, ParentAdmin)
    user = UserFactory(first_name="Ann")
    profile = Profile.objects.create(user=user, organisation="ACME")
    page = parents.changeform_view(request_of(rf, root), str(user.pk))
    page.render()
    assert 'name="initial-profile-0-organisation" value="ACME"' in page.content.decode()
    posted = {"first_name": "Anna", "profile-TOTAL_FORMS": "1", "profile-INITIAL_FORMS": "1"}
    posted |= {f"profile-0-{Profile._meta.pk.name}": str(profile.pk), "profile-0-user": str(user.pk)}
    posted |= {"initial-profile-0-organisation": "ACME", "profile-0-organisation": "ACME"}
    Profile.objects.update(organisation="Hooli")  # meanwhile
    assert parents.changeform_view(request_of(rf, root, posted), str(user.pk)).status_code == 302
    assert (User.objects.get(pk=user.pk).first_name, Profile.objects.get().organisation) == ("Anna", "Hooli")
    posted["profile-0-organisation"] = "Initech"
    assert parents.changeform_view(request_of(rf, root, posted), str(user.pk)).status_code == 200
    assert Profile.objects.get().organisation == "Hooli"
    posted["initial-profile-0-organisation"] = "Hooli"
    assert parents.changeform_view(request_of(rf, root, posted), str(user.pk)).status_code == 302
    assert Profile.objects.get().organisation == "Initech"
    posted["profile-0-DELETE"] = "on"
    assert parents.changeform_view(request_of(rf, root, posted), str(user.pk)).status_code == 302
    assert not Profile.objects.exists()
    new = {"first_name": "Anna", "profile-TOTAL_FORMS": "1", "profile-INITIAL_FORMS": "0"}
    new |= {"profile-0-user": str(user.pk), "profile-0-organisation": "Anew"}
    assert parents.changeform_view(request_of(rf, root, new), str(user.pk)).status_code == 302
    assert Profile.objects.get().organisation == "Anew"
