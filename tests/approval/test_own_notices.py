"""The setting of notices: over the API, on the page of the admin, and in the audit log."""

import pytest
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from keystone.accounts.models import User
from keystone.accounts.preferences import ApprovalNotices, Preferences, choose_notices, notices_of
from keystone.accounts.revoke_access import revoke_access
from keystone.actors.acting import AccessEnded
from keystone.actors.actor import Actor
from keystone.audit.models import AuditEvent
from keystone.audit.words import action_in_words, changes_in_words
from keystone.conf import NOTICES
from keystone.testing.factories import UserFactory
from tests.approval.admin_pages import browser, told
from tests.contract.roles import SignedIn

pytestmark = pytest.mark.django_db
API, PAGE = "/api/me/settings/", "/admin/notices/"


def test_everybody_reads_and_sets_their_own_over_the_api(signed_in: SignedIn, settings: Settings) -> None:
    settings.KEYSTONE = {"APPROVAL_NOTICES": "digest"}
    user = UserFactory()
    api = signed_in(user)
    assert api.get(API).json() == {"approval_notices": "digest"}
    answer = api.patch(API, {"approval_notices": "off"})
    assert (answer.status_code, answer.json()) == (200, {"approval_notices": "off"})
    assert api.get(API).json() == {"approval_notices": "off"}
    assert api.patch(API, {}).json() == {"approval_notices": "off"}
    event = AuditEvent.objects.get(action="user.settings_changed")
    assert (event.actor, event.target_id, event.changes) == (
        user,
        str(user.pk),
        {"approval_notices": ["digest", "off"]},
    )
    assert action_in_words(event.action) == "Settings changed"
    assert [change.label for change in changes_in_words(event)] == ["notifications of waiting people"]


def test_what_is_no_setting_is_refused(signed_in: SignedIn, api: APIClient) -> None:
    client = signed_in(UserFactory())
    for body in ({"approval_notices": "weekly"}, {"approval_notices": None}, {"is_staff": True}):
        assert client.patch(API, body).status_code == 400
    assert not Preferences.objects.exists()
    assert api.get(API).status_code == 401


def test_the_same_choice_is_kept_and_not_audited(anna: User) -> None:
    assert choose_notices(anna, approval_notices="immediate", by=Actor.person(anna)) == "immediate"
    assert Preferences.objects.get().approval_notices == "immediate"  # also when the default becomes another one
    assert not AuditEvent.objects.exists()
    with pytest.raises(ValueError, match="weekly"):
        choose_notices(anna, approval_notices="weekly", by=Actor.person(anna))


def test_nothing_is_chosen_with_access_that_has_ended(anna: User) -> None:
    revoke_access([User.objects.get(pk=anna.pk)])
    with pytest.raises(AccessEnded):
        choose_notices(anna, approval_notices="off", by=Actor.person(anna))


def test_the_page_of_the_admin_shows_and_keeps_the_choice(anna: User) -> None:
    client = browser(anna)
    page = client.get(PAGE).content.decode()
    assert "My notifications" in page
    assert 'value="immediate"' in page
    assert "“At once” means at most 20 mails an hour" in page
    assert "You currently do not have permission to decide on people" not in page
    answer = client.post(PAGE, {"approval_notices": "digest"})
    assert (answer["Location"], told(answer)) == (PAGE, ["Your choice has been saved."])
    assert notices_of(anna) == "digest"
    assert client.post(PAGE, {"approval_notices": "weekly"}).status_code == 200
    assert client.post(PAGE, {}).status_code == 200
    assert notices_of(anna) == "digest"


def test_the_menu_leads_to_the_page_where_it_is_of_use(anna: User) -> None:
    assert f'href="{PAGE}"' in browser(anna).get("/admin/").content.decode()
    other = browser(UserFactory(is_staff=True))
    assert f'href="{PAGE}"' not in other.get("/admin/").content.decode()
    assert "You currently do not have permission to decide on people" in other.get(PAGE).content.decode()


def test_the_page_is_for_staff(client: Client) -> None:
    assert client.get(PAGE)["Location"] == f"/admin/login/?next={PAGE}"
    client.force_login(UserFactory())
    assert client.get(PAGE)["Location"] == f"/admin/login/?next={PAGE}"


def test_the_option_knows_the_settings_that_there_are() -> None:
    assert list(NOTICES) == ApprovalNotices.values
