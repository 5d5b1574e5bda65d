"""Who may open and do what: every address of the admin, by role, by GET and by a POST without the page before it."""

import pytest
from django.test import Client

from keystone.accounts.models import User
from keystone.accounts.status import Status
from keystone.audit.models import AuditEvent
from keystone.testing.factories import UserFactory, approver, superuser

pytestmark = pytest.mark.django_db

BODY = {"reason": "x", "note": "", "across": "1", "shown": "9", "shown_at": "2099-01-01T00:00:00+00:00"}
PASSWORDS = {"password1": "long enough 77", "password2": "long enough 77"}
QUEUE, PEOPLE = "/admin/keystone/awaitingdecision/", "/admin/keystone/user/"

# An address ({} is a pending person's key), and whether those get in: staff without permission, approver, superuser.
PAGES = [
    ("/admin/", True, True, True),
    (QUEUE, False, True, True),
    (f"{QUEUE}{{}}/approve/", False, True, True),
    (f"{QUEUE}{{}}/reject/", False, True, True),
    (f"{QUEUE}bulk/approve/", False, True, True),
    (f"{QUEUE}bulk/reject/", False, True, True),
    (f"{QUEUE}result/nothing/", False, True, True),
    (f"{QUEUE}undo/00000000-0000-4000-8000-000000000000/", False, True, True),
    ("/admin/keystone/savedreason/", False, False, True),
    ("/admin/keystone/savedreason/add/", False, False, True),
    (PEOPLE, False, True, True),
    (f"{PEOPLE}add/", False, False, True),
    (f"{PEOPLE}export/", False, False, True),
    (f"{PEOPLE}{{}}/change/", False, True, True),
    (f"{PEOPLE}{{}}/history/", False, True, True),
    (f"{PEOPLE}{{}}/sessions/", False, False, True),
    (f"{PEOPLE}{{}}/mails/", False, False, True),
    (f"{PEOPLE}{{}}/personal-data/", False, False, True),
    (f"{PEOPLE}{{}}/password/", False, False, True),
    (f"{PEOPLE}{{}}/approve/", False, True, True),
    (f"{PEOPLE}{{}}/reject/", False, True, True),
    (f"{PEOPLE}{{}}/reopen/", False, True, True),
    (f"{PEOPLE}{{}}/suspend/", False, False, True),
    (f"{PEOPLE}{{}}/reactivate/", False, False, True),
    (f"{PEOPLE}{{}}/deactivate/", False, False, True),
    (f"{PEOPLE}bulk/approve/", False, True, True),
    (f"{PEOPLE}bulk/suspend/", False, False, True),
    (f"{PEOPLE}bulk/reactivate/", False, False, True),
    (f"{PEOPLE}bulk/deactivate/", False, False, True),
    ("/admin/keystone/auditevent/", False, False, True),
    ("/admin/keystone/auditevent/export/", False, False, True),
    ("/admin/keystone/session/", False, False, True),
    ("/admin/keystone/outgoingmail/", False, False, True),
    ("/admin/keystone/outgoingmail/templates/", False, False, True),
    ("/admin/keystone/outgoingmail/templates/approved/", False, False, True),
    ("/admin/keystone/outgoingmail/templates/approved/html/", False, False, True),
    ("/admin/keystone/suppressedaddress/", False, False, True),
    ("/admin/keystone/datarun/", False, False, True),
    ("/admin/auth/group/", False, False, True),
    ("/admin/auth/group/add/", False, False, True),
]
ROLES = ("anonymous", "staff", "approver", "superuser")
REFUSED = [
    (role, page[0])
    for role in ("anonymous", "staff", "approver")
    for page in PAGES
    if page[0] not in {"/admin/", QUEUE, PEOPLE} and (role == "anonymous" or not page[ROLES.index(role)])
]


def browser(role: str) -> Client:
    """The browser of somebody in a role."""
    client = Client()
    if role != "anonymous":
        made = {"staff": lambda: UserFactory(is_staff=True), "approver": approver, "superuser": superuser}
        client.force_login(made[role]())
    return client


@pytest.mark.parametrize("role", ROLES)
def test_pages_open_for_those_who_may(role: str) -> None:
    user = UserFactory(status=Status.PENDING_ADMIN_APPROVAL)
    client = browser(role)
    for page in PAGES:
        address = page[0].format(user.pk)
        response = client.get(address)
        if role == "anonymous":
            assert response["Location"].startswith("/admin/login/?next="), address
        elif page[ROLES.index(role)]:
            assert response.status_code in {200, 302}, address
            assert "login" not in response.get("Location", ""), address
        else:
            assert response.status_code == 403, address
        user.refresh_from_db()
        assert user.status == Status.PENDING_ADMIN_APPROVAL, address
        assert not AuditEvent.objects.exists(), address  # no GET changes anything


@pytest.mark.parametrize("role", ["anonymous", "staff", "approver"])
def test_a_direct_post_is_refused_to_those_who_may_not(role: str) -> None:
    user = UserFactory(status=Status.PENDING_ADMIN_APPROVAL)
    client = browser(role)
    before = User.objects.filter(pk=user.pk).values().get()
    for address in (address for who, address in REFUSED if who == role):
        response = client.post(address.format(user.pk), {**BODY, **PASSWORDS, "id": [str(user.pk)]})
        assert response.status_code == (302 if role == "anonymous" else 403), address
        assert User.objects.filter(pk=user.pk).values().get() == before, address
        assert not AuditEvent.objects.exists(), address


@pytest.mark.parametrize("action", ["approve_selected", "suspend_selected", "deactivate_selected"])
def test_bulk_action_of_the_list_is_offered_to_those_who_may(action: str) -> None:
    user = UserFactory(status=Status.PENDING_ADMIN_APPROVAL)
    body = {"action": action, "_selected_action": [str(user.pk)], "select_across": "0"}
    response = browser("approver").post(PEOPLE, body)
    assert response.status_code == (200 if action == "approve_selected" else 302)  # 302: no such choice
    page = browser("approver").get(PEOPLE).content.decode()
    assert (f'value="{action}"' in page) is (action == "approve_selected")


def test_sidebar_shows_what_may_be_opened() -> None:
    for role, wanted in (
        ("staff", set()),
        ("approver", {"Awaiting decision", "People"}),
        (
            "superuser",
            {
                "Awaiting decision",
                "Saved reasons",
                "People",
                "Sessions",
                "Rate limits",
                "Groups and permissions",
                "Audit log",
                "Mails",
                "Suppressed addresses",
                "Scheduled jobs",
                "Job runs",
                "Imports and scripts",
                "Background tasks",
                "Profiles",
            },
        ),
    ):
        groups = browser(role).get("/admin/").context["sidebar_navigation"]
        titles = {str(item["title"]) for group in groups for item in group["items"]}
        assert titles == {"Dashboard", "Try the API", "Reference", *wanted}


def test_sign_in_page_asks_for_the_email_address() -> None:
    page = Client().get("/admin/login/").content.decode()
    assert "Email address" in page
    assert "sername</" not in page
    response = Client().post("/admin/login/", {"username": "x@example.com", "password": "wrong"})
    assert "Please enter a correct email address and password." in response.content.decode()
