"""The page that decides: what it tells, the way from one person to the next, undoing, and reasons."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from keystone.accounts.lifecycle import reject_user, reopen_user
from keystone.accounts.models import User
from keystone.accounts.registration import register_user
from keystone.accounts.status import Status
from keystone.actors.actor import Actor
from keystone.approval.saved_reasons import SavedReason
from keystone.approval.undo import DecisionUndo
from keystone.audit.models import AuditEvent
from keystone.mail.models import MailState, OutgoingMail
from keystone.observability.origin import origin
from keystone.privacy.erasing import erase_person
from keystone.testing.factories import UserFactory, approver, superuser
from tests.approval.admin_pages import DECISION, PEOPLE, QUEUE, browser, listed, told, unverified, waiting
from tests.every_row import rows

pytestmark = pytest.mark.django_db
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Gecko/20100101 Firefox/130.0"
REASON = {**DECISION, "reason": "x"}


@pytest.fixture
def client() -> Client:
    """The browser of somebody who may decide and nothing else."""
    return browser(approver("approve_user", email="decider@example.com"))


def registered(email: str, ip_address: str = "203.0.113.7", device: str = FIREFOX, **fields: Any) -> User:
    """Somebody who registered from there, and waits now."""
    with origin(ip_address=ip_address, user_agent=device):
        register_user(email=email, password="a good long one", first_name="Ann", last_name="Smith")
    now = timezone.now()
    facts = {"status": Status.PENDING_ADMIN_APPROVAL, "email_verified_at": now, "awaiting_since": now, **fields}
    User.objects.filter(email=email).update(**facts)
    user: User = User.objects.get(email=email)
    return user


def facts_of(response: Any) -> dict[str, str]:
    """The facts of a page, in words."""
    found = (
        (fact.label, f"{fact.value} ({fact.beside})" if fact.beside else fact.value)
        for fact in response.context["facts"]
    )
    return {label: re.sub(r"<[^>]+>", "", str(value)) for label, value in found}


def texts(response: Any) -> str:
    """A page's text."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


# -- what is known -----------------------------------------------------------------------------------------------
def test_page_tells_all_that_is_known(client: Client) -> None:
    boss = Actor.administrator(superuser(email="boss@example.com"))
    user = registered("ann@acme.example")
    registered("bob@acme.example", status=Status.ACTIVE)
    registered("eve@other.example")
    UserFactory(email="old@acme.example", status=Status.REJECTED)
    UserFactory(email="x@notacme.example")
    reject_user(user, by=boss, reason="Not on the list", note="Asked the board")
    reopen_user(user, by=boss, note="She called")
    for transition in ("approve", "reject"):
        page = client.get(f"{QUEUE}{user.pk}/{transition}/")
        facts = facts_of(page)
        assert facts["IP address"] == "203.0.113.7"
        assert facts["Device"] == "Firefox on Windows"
        assert facts["Same IP address"] == "2 others (1 awaiting a decision, 1 active)"
        assert facts["Same domain"] == "2 others (1 active, 1 rejected)"
        assert facts["Approval flow"] == "Email verification and approval"
        assert facts["Email address"].startswith("Verified (")
        assert facts["Waiting since"].endswith("UTC (less than a minute)")
        shown = texts(page)
        assert "Earlier decisions rejected once Rejection withdrawn by boss@example.com" in shown
        assert "Internal note: She called" in shown
        assert "Rejected by boss@example.com" in shown
        assert "Reason: Not on the list Internal note: Asked the board" in shown
        assert f'title="{FIREFOX}"' in page.content.decode()
        assert f'href="{PEOPLE}?q=acme.example"' not in page.content.decode()
    assert f'href="{PEOPLE}?q=acme.example"' in browser(superuser()).get(f"{QUEUE}{user.pk}/approve/").content.decode()


def test_what_is_not_known_is_said(client: Client) -> None:
    user = UserFactory(status=Status.PENDING_EMAIL_VERIFICATION, email="ann@acme.example")
    assert facts_of(client.get(f"{QUEUE}{user.pk}/approve/")) == {
        "Email address": "Not verified",
        "Registered": facts_of(client.get(f"{QUEUE}{user.pk}/approve/"))["Registered"],
        "Same domain": "nobody else",
        "Approval flow": "Email verification and approval",
    }
    bare = registered("bob@acme.example", device="")
    facts = facts_of(client.get(f"{QUEUE}{bare.pk}/approve/"))
    assert (facts["Device"], facts["Same IP address"]) == ("not known", "nobody else")


def test_facts_cost_the_same_whatever_there_is_to_tell(client: Client) -> None:
    boss = Actor.administrator(superuser())
    user = registered("ann@acme.example")

    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            assert client.get(f"{QUEUE}{user.pk}/approve/").status_code == 200
        return len(found)

    registered("b0@acme.example")
    reject_user(user, by=boss, reason="x")
    reopen_user(user, by=boss)
    one = queries()
    for number in range(1, 3):
        registered(f"b{number}@acme.example")
        reject_user(user, by=boss, reason="x")
        reopen_user(user, by=boss)
    assert queries() == one <= 18


def test_many_others_are_counted_no_further_than_a_hundred(client: Client) -> None:
    now = timezone.now()
    User.objects.bulk_create(
        UserFactory.build(email=f"p{n}@acme.example", email_normalized=f"p{n}@acme.example", status_changed_at=now)
        for n in range(101)
    )
    user = waiting(email="ann@acme.example")
    assert facts_of(client.get(f"{QUEUE}{user.pk}/approve/"))["Same domain"] == "more than 100 others"


def test_device_of_a_registration_is_kept_short_and_goes_with_an_erasure(api: Any, root: User) -> None:
    body = {"email": "ann@example.com", "password": "a good long one", "first_name": "Ann"}
    device = "Heart of Gold\u200b " + "x" * 400
    assert api.post("/api/auth/register/", body, format="json", HTTP_USER_AGENT=device).status_code == 202
    event = AuditEvent.objects.get(action="user.registered")
    assert event.changes["device"] == [None, ("Heart of Gold " + "x" * 400)[:300]]
    assert event.ip_address == "127.0.0.1"
    erase_person(User.objects.get(email="ann@example.com"), by=Actor.administrator(root))
    assert [row for row in rows() if "heart of gold" in row.lower()] == []


def test_history_is_read_by_whoever_decides_of_those_who_wait(client: Client) -> None:
    user = registered("ann@acme.example")
    page = client.get(f"{PEOPLE}{user.pk}/history/")
    assert page.status_code == 200
    assert [(tab["title"], tab["link"]) for tab in page.context["tabs"]] == [
        ("History", f"{PEOPLE}{user.pk}/history/"),
        ("Decision", f"{QUEUE}{user.pk}/approve/"),
    ]
    assert "Registered" in texts(page)
    assert client.get(f"{QUEUE}{user.pk}/history/")["Location"] == f"{PEOPLE}{user.pk}/history/"
    for other in (UserFactory(), superuser(), UserFactory(status=Status.REJECTED)):
        assert client.get(f"{PEOPLE}{other.pk}/history/").status_code == 403
    for hidden in ("change", "sessions", "mails", "personal-data"):
        assert client.get(f"{PEOPLE}{user.pk}/{hidden}/").status_code == 403
    assert browser(approver("export_user")).get(f"{PEOPLE}{user.pk}/history/").status_code == 403


# -- one after the other -----------------------------------------------------------------------------------------
def queue_of(count: int) -> list[User]:
    """So many who wait, in the order of the queue."""
    now = timezone.now()
    return [waiting(email=f"w{n}@acme.io", awaiting_since=now - timedelta(hours=count - n)) for n in range(count)]


def test_decide_and_next_walks_through_the_list_as_it_is_filtered(client: Client) -> None:
    people = queue_of(4)
    waiting(email="outside@example.com", awaiting_since=timezone.now() - timedelta(days=9))
    query = "?show=everybody&q=acme"
    User.objects.filter(pk=people[2].pk).update(status_changed_at=timezone.now() - timedelta(days=1))
    order = listed(client.get(QUEUE + query))
    assert order == [people[n].email for n in (2, 0, 1, 3)]
    page = client.get(f"{QUEUE}{people[0].pk}/approve/{query}")
    assert (page.context["others"], page.context["skip"]) == (3, f"{QUEUE}{people[1].pk}/approve/{query}")
    assert page.context["other"]["link"] == f"{QUEUE}{people[0].pk}/reject/{query}"
    forward = {**REASON, "next": "1", "asked": "approve"}
    steps = []
    for user, transition in (
        (people[0], "approve"),
        (people[1], "reject"),
        (people[3], "approve"),
        (people[2], "reject"),
    ):
        steps.append(client.post(f"{QUEUE}{user.pk}/{transition}/{query}", forward)["Location"])
    assert steps == [
        f"{QUEUE}{people[1].pk}/approve/{query}",
        f"{QUEUE}{people[3].pk}/approve/{query}",
        f"{QUEUE}{people[2].pk}/approve/{query}",  # after the last one those who were skipped
        f"{QUEUE}{query}",
    ]
    assert [User.objects.get(pk=user.pk).status for user in people] == ["active", "rejected", "rejected", "active"]


def test_the_last_of_a_list_offers_no_next(client: Client) -> None:
    user = waiting()
    page = client.get(f"{QUEUE}{user.pk}/approve/")
    assert (page.context["others"], page.context["skip"], page.context["next_title"]) == (0, None, "")
    assert page.context["other"]["title"] == "Reject"
    response = client.post(f"{QUEUE}{user.pk}/approve/", {**DECISION, "next": "1"})
    assert (response["Location"], told(response)) == (QUEUE, ["There is nobody else on this list."])


def test_whoever_is_decided_on_meanwhile_is_passed(client: Client) -> None:
    people = queue_of(3)
    reject_user(people[1], by=Actor.administrator(superuser()), reason="x")
    response = client.post(f"{QUEUE}{people[0].pk}/approve/", {**DECISION, "next": "1", "asked": "reject"})
    assert response["Location"] == f"{QUEUE}{people[2].pk}/reject/"
    for asked in ("suspend", "../..", ""):
        waiting()
        response = client.post(f"{QUEUE}{people[2].pk}/approve/", {**DECISION, "next": "1", "asked": asked})
        assert re.fullmatch(rf"{QUEUE}[\w-]+/approve/|{QUEUE}", response["Location"])


def test_an_unverified_person_is_rejected_from_the_page_that_approves(client: Client) -> None:
    user = unverified()
    body = {"reason": "x", "note": "", "notify": "on", "asked": "approve"}
    assert client.post(f"{QUEUE}{user.pk}/reject/", body).status_code == 302
    user.refresh_from_db()
    assert user.status == Status.REJECTED


# -- undoing -----------------------------------------------------------------------------------------------------
def test_undo_is_offered_on_every_page_that_follows_and_leads_back(client: Client) -> None:
    people = queue_of(2)
    client.post(f"{QUEUE}{people[0].pk}/approve/?q=acme", DECISION)
    offers = [
        client.get(address).context["undo"]
        for address in (
            f"{QUEUE}?q=acme",
            f"{QUEUE}{people[1].pk}/approve/?q=acme",
            f"{QUEUE}{people[1].pk}/reject/?q=acme",
        )
    ]
    decision = DecisionUndo.objects.get().decision
    assert {offer["action"] for offer in offers} == {f"{QUEUE}undo/{decision}/?q=acme"}
    assert re.fullmatch(
        r"Person\d+ Example \(w0@acme\.io\) was approved\. The mail will be sent at \d\d:\d\d:\d\d UTC\. "
        r"You can undo this until then\.",
        offers[0]["text"],
    )
    assert 50 <= offers[0]["seconds"] <= 60
    assert client.get(offers[0]["action"]).status_code == 302
    assert User.objects.get(pk=people[0].pk).status == Status.ACTIVE
    response = client.post(offers[0]["action"])
    assert response["Location"] == f"{QUEUE}{people[0].pk}/approve/?q=acme"
    assert told(response) == [f"The approval of {people[0].get_full_name()} has been undone. No mail was sent."]
    assert User.objects.get(pk=people[0].pk).status == Status.PENDING_ADMIN_APPROVAL
    assert client.get(QUEUE).context["undo"] is None
    again = client.post(offers[0]["action"])
    assert told(again)[-1] == "This decision can no longer be undone."


def test_nobody_else_undoes_it_and_nobody_without_the_permission(client: Client, anna: User) -> None:
    user = waiting()
    client.post(f"{QUEUE}{user.pk}/approve/", DECISION)
    address = f"{QUEUE}undo/{DecisionUndo.objects.get().decision}/"
    for viewer, status in ((superuser(), 302), (anna, 302), (approver("view_user"), 403), (UserFactory(), 302)):
        assert browser(viewer).post(address).status_code == status
    User.objects.get(email="decider@example.com").user_permissions.clear()
    assert client.post(address).status_code == 403
    user.refresh_from_db()
    assert user.status == Status.ACTIVE


def test_a_bulk_decision_is_undone_from_its_result(client: Client) -> None:
    people = queue_of(3)
    ids = [str(user.pk) for user in people]
    response = client.post(f"{QUEUE}bulk/reject/?q=acme", {**REASON, "id": ids})
    offer = client.get(response["Location"]).context["undo"]
    assert offer["text"].startswith("3 people were rejected. The mails will be sent at ")
    User.objects.filter(pk=people[2].pk).update(updated_at=timezone.now())
    response = client.post(offer["action"])
    assert response["Location"] == f"{QUEUE}?q=acme"
    [done, stays] = told(response)
    assert done == "2 decisions have been undone. No mail was sent."
    assert stays.endswith(f"({people[2].email}) was not changed: The account has changed since the decision.")
    assert listed(client.get(QUEUE)) == [people[0].email, people[1].email]


def test_a_decision_on_a_persons_page_is_undone_there() -> None:
    client, user = browser(superuser()), waiting()
    back = client.post(f"{PEOPLE}{user.pk}/reject/", REASON)["Location"]
    offer = client.get(back).context["undo"]
    assert client.post(offer["action"])["Location"] == f"{PEOPLE}{user.pk}/change/"
    user.refresh_from_db()
    assert user.status == Status.PENDING_ADMIN_APPROVAL


def test_without_a_window_the_mail_goes_at_once_and_nothing_is_offered(
    client: Client, settings: Settings, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    settings.KEYSTONE = {"DECISION_UNDO_WINDOW": timedelta(0)}
    user = waiting(email="ann@example.com")
    with django_capture_on_commit_callbacks(execute=True):
        response = client.post(f"{QUEUE}{user.pk}/approve/", DECISION)
    assert told(response) == [f"{user.get_full_name()} (ann@example.com) was approved and is notified by email."]
    assert client.get(QUEUE).context["undo"] is None
    assert [message.to for message in mail.outbox] == [["ann@example.com"]]


def test_the_api_decides_at_once(signed_in: Callable[[User], Any], root: User) -> None:
    user = waiting()
    assert signed_in(root).post(f"/api/users/{user.pk}/approve/", {}, format="json").status_code == 200
    assert not DecisionUndo.objects.exists()
    assert OutgoingMail.objects.filter(template="approved", next_attempt_at__lte=timezone.now()).count() == 1


def test_a_final_decision_is_not_offered(client: Client) -> None:
    user = waiting()
    client.post(f"{QUEUE}{user.pk}/approve/", DECISION)
    DecisionUndo.objects.update(until=timezone.now())
    assert client.get(QUEUE).context["undo"] is None
    assert OutgoingMail.objects.get(template="approved").state == MailState.QUEUED


# -- reasons -----------------------------------------------------------------------------------------------------
def test_a_rejection_without_a_reason_is_asked_about_once(client: Client) -> None:
    for blank in ("", "   ", "\n\t"):
        user = waiting()
        body = {**DECISION, "reason": blank, "next": "1"}
        page = client.post(f"{QUEUE}{user.pk}/reject/", body)
        assert page.status_code == 200
        assert "You have not given a reason, so the person will not be told why." in texts(page)
        assert page.context["button"] == "Reject without a reason"
        assert '<input type="hidden" name="without_reason" value="on"' in page.content.decode()
        user.refresh_from_db()
        assert user.status == Status.PENDING_ADMIN_APPROVAL
        assert client.post(f"{QUEUE}{user.pk}/reject/", {**body, "without_reason": "on"}).status_code == 302
        user.refresh_from_db()
        assert (user.status, user.status_reason) == (Status.REJECTED, "")


def test_every_move_that_takes_something_away_asks_and_the_others_do_not() -> None:
    client = browser(superuser())
    asked = {}
    for transition, status in (
        ("approve", Status.PENDING_ADMIN_APPROVAL),
        ("reject", Status.PENDING_ADMIN_APPROVAL),
        ("reopen", Status.REJECTED),
        ("suspend", Status.ACTIVE),
        ("reactivate", Status.SUSPENDED),
        ("deactivate", Status.ACTIVE),
    ):
        user = UserFactory(status=status)
        asked[transition] = [
            client.post(f"{PEOPLE}{user.pk}/{transition}/", DECISION).status_code,
            client.post(
                f"{PEOPLE}bulk/{transition}/", {**DECISION, "id": [str(UserFactory(status=status).pk)]}
            ).status_code,
        ]
    quiet, loud = [302, 302], [200, 200]
    assert asked == {
        "approve": quiet,
        "reject": loud,
        "reopen": quiet,
        "suspend": loud,  # it needs one
        "reactivate": quiet,
        "deactivate": loud,
    }


def test_saved_reasons_are_offered_where_they_fit_and_taken_where_none_is_typed(client: Client) -> None:
    for occasion in ("", "approve", "reject", "suspend"):
        SavedReason.objects.create(occasion=occasion, title=f"for {occasion or 'all'}", text=f"Because of {occasion}")
    user = waiting()

    def offered(client: Client, address: str) -> list[str]:
        form = client.get(address).context["form"]
        return [str(reason) for reason in form.fields["saved_reason"].queryset]

    assert offered(client, f"{QUEUE}{user.pk}/approve/") == ["for all", "for approve", "for reject"]
    boss = browser(superuser())
    assert offered(boss, f"{PEOPLE}{user.pk}/reject/") == ["for all", "for reject"]
    assert offered(boss, f"{PEOPLE}{UserFactory().pk}/suspend/") == ["for all", "for suspend"]
    assert 'data-text="Because of reject"' in client.get(f"{QUEUE}{user.pk}/reject/").content.decode()
    chosen = SavedReason.objects.get(occasion="reject")
    response = client.post(f"{QUEUE}{user.pk}/reject/", {**DECISION, "saved_reason": str(chosen.pk)})
    assert response.status_code == 302
    typed = waiting()
    client.post(f"{QUEUE}{typed.pk}/reject/", {**REASON, "reason": "Mine", "saved_reason": str(chosen.pk)})
    suspended = UserFactory()
    fit = SavedReason.objects.get(occasion="suspend")
    empty = {**DECISION, "until_0": "", "until_1": "", "saved_reason": str(fit.pk)}
    assert boss.post(f"{PEOPLE}{suspended.pk}/suspend/", empty).status_code == 302
    for person, reason in ((user, "Because of reject"), (typed, "Mine"), (suspended, "Because of suspend")):
        person.refresh_from_db()
        assert person.status_reason == reason


def test_saved_reasons_are_kept_by_those_who_may_and_each_change_is_noted() -> None:
    address = "/admin/keystone/savedreason/"
    keeper = browser(approver("view_savedreason", "add_savedreason", "change_savedreason", "delete_savedreason"))
    body = {"occasion": "reject", "title": "No", "text": "Not on the list"}
    assert keeper.post(f"{address}add/", body).status_code == 302
    reason = SavedReason.objects.get()
    assert keeper.post(f"{address}{reason.pk}/change/", {**body, "text": "Other"}).status_code == 302
    assert keeper.post(f"{address}{reason.pk}/change/", {**body, "text": "x" * 2_001}).status_code == 200
    assert keeper.get(address).status_code == 200
    looker = browser(approver("view_savedreason"))
    assert looker.get(address).status_code == 200
    for page in (f"{address}add/", f"{address}{reason.pk}/delete/"):
        assert looker.get(page).status_code == 403
    assert keeper.post(f"{address}{reason.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not SavedReason.objects.exists()
    noted = AuditEvent.objects.filter(target_type="savedreason").order_by("pk").values_list("action", "changes")
    assert list(noted) == [
        ("saved_reason.created", {"occasion": [None, "reject"], "title": [None, "No"], "text": [None, body["text"]]}),
        ("saved_reason.changed", {"text": ["Not on the list", "Other"]}),
        ("saved_reason.deleted", {"occasion": ["reject", None], "title": ["No", None], "text": ["Other", None]}),
    ]
