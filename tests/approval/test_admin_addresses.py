"""What may stand in the address of an admin page: the list's own filters, and nothing that asks for hidden columns."""

import re

import pytest
from django.conf import settings as django_settings
from django.test import Client

from keystone.accounts.models import User
from keystone.audit.words import ACTIONS
from tests.approval.admin_pages import PEOPLE, QUEUE, browser

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(root: User) -> Client:
    """The superuser's browser."""
    return browser(root)


@pytest.mark.parametrize(
    "address",
    [
        f"{PEOPLE}?password__startswith=argon2",
        f"{PEOPLE}?password__regex=.",
        f"{PEOPLE}?email=root@example.com",
        f"{PEOPLE}?first_name=%00",
        f"{PEOPLE}?status=%00",
        f"{QUEUE}?password__startswith=a",
        f"{QUEUE}?status=%00",
        f"{QUEUE}?user_permissions__codename=x",
        "/admin/keystone/session/?refresh_digest__startswith=a",
        "/admin/keystone/session/?user__password__startswith=a",
        "/admin/keystone/auditevent/?action=%00",
        "/admin/keystone/auditevent/?actor_kind=%00",
        "/admin/keystone/auditevent/?actor__password__startswith=a",
        "/admin/auth/group/?user__password__startswith=a",
    ],
)
def test_a_list_answers_no_question_that_its_filters_do_not_ask(client: Client, address: str) -> None:
    assert client.get(address).status_code == 400


@pytest.mark.parametrize(
    "address",
    [
        f"{PEOPLE}?status=active&flow=none&verified=yes&staff=no",
        f"{PEOPLE}?created_at_from=2026-01-01&created_at_to=9999-12-31&decided_at_from=x",
        f"{PEOPLE}?q=%07&p=1000000&o=-99&all=",
        f"{PEOPLE}?q=" + "x" * 5_000,
        f"{QUEUE}?show=everybody&rejected=yes",
        "/admin/keystone/session/?state=open&q='",
        "/admin/keystone/auditevent/?action=user.approved&actor_kind=person&created_at_from=2026-01-01",
    ],
)
def test_a_list_takes_its_own_filters(client: Client, address: str) -> None:
    assert client.get(address, follow=True).status_code == 200


@pytest.mark.parametrize("shown_at", ["9999-12-31T23:59:59-23:00", "0001-01-01T00:00:00+23:00", "x", "\x00"])
def test_a_bulk_decision_with_an_impossible_time_is_asked_about_again(client: Client, shown_at: str) -> None:
    answer = client.post(f"{QUEUE}bulk/approve/", {"across": "1", "shown": "1", "shown_at": shown_at})
    assert answer.status_code in {200, 302}


def test_a_group_action_on_a_key_that_is_none_is_ignored(client: Client) -> None:
    body = {"action": "delete_selected", "_selected_action": "00000000-0000-0000-0000-000000000000"}
    assert client.post("/admin/auth/group/", body).status_code == 302


def test_what_other_apps_register_is_in_the_sidebar(client: Client) -> None:
    assert 'href="/admin/project/profile/"' in client.get("/admin/").content.decode()


def test_every_recorded_action_has_words() -> None:
    package = django_settings.BASE_DIR / "keystone"
    sources = (path for path in package.rglob("*.py") if "tests" not in path.relative_to(package).parts)
    recorded = {
        name
        for path in sources
        for name in re.findall(
            r'"((?:user|users|group|audit|rate_limit|database_mark|job|mail|suppression|task|saved_reason)\.[a-z_]+)"',
            path.read_text(),
        )
    }
    assert recorded == set(ACTIONS)
