"""The admin in headless Chromium: from the sign-in page to a decision and its result."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from keystone.accounts.models import User
from keystone.accounts.status import ApprovalFlow, Status
from keystone.approval.saved_reasons import SavedReason
from keystone.sessions.models import Session
from keystone.testing.factories import PASSWORD, UserFactory, approver
from keystone.throttling.models import AttemptWindow, Limit
from tests.browser.chromium import needs_chromium, opened, overflow, screenshot

pytestmark = needs_chromium
NARROW = {"width": 390, "height": 844}
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Gecko/20100101 Firefox/130.0"
# The contrast of an element's text with what is painted behind it, by WCAG 2.2; the canvas turns any colour into sRGB.
CONTRAST = """element => {
  const canvas = Object.assign(document.createElement("canvas"), {width: 1, height: 1}).getContext("2d");
  const behind = [];
  for (let at = element; at; at = at.parentElement) behind.unshift(getComputedStyle(at).backgroundColor);
  const luminance = colours => {
    for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
    const parts = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map(value => value / 255);
    const [r, g, b] = parts.map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [low, high] = [luminance(behind), luminance([getComputedStyle(element).color])].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}"""


@pytest.fixture
def people() -> dict[str, User]:
    """Anna, who decides, and three who wait."""
    now = timezone.now()
    waiting = {"status": Status.PENDING_ADMIN_APPROVAL, "last_name": "Smith"}
    return {
        "anna": approver(email="anna@example.com", first_name="Anna", last_name="Decides"),
        "ann": UserFactory(
            email="ann@acme.example", first_name="Ann", awaiting_since=now - timedelta(days=3), **waiting
        ),
        "bob": UserFactory(
            email="bob@acme.example", first_name="Bob", awaiting_since=now - timedelta(days=2), **waiting
        ),
        "eve": UserFactory(
            email="eve@example.org",
            first_name="Eve",
            approval_flow=ApprovalFlow.ADMIN_APPROVAL,
            verified=False,
            rejection_count=1,
            awaiting_since=now - timedelta(hours=5),
            **waiting,
        ),
    }


@pytest.fixture
def page(people: dict[str, User], live_server: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A page that starts at the live server."""
    with opened(live_server.url, monkeypatch) as page:
        yield page


def sign_in(page: Any) -> None:
    """Sign in as Anna, on the sign-in page."""
    page.goto("/admin/")
    page.get_by_label("Email address").fill("anna@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name=re.compile("Log in")).click()
    page.get_by_role("heading", name="Waiting longest").wait_for()


def test_from_sign_in_to_a_decision_by_keyboard(page: Any, people: dict[str, User]) -> None:
    sign_in(page)
    screenshot(page, "dashboard")
    page.get_by_role("link", name=re.compile("^Awaiting decision 3|Awaiting decision.*3")).first.click()
    page.get_by_role("link", name="Approve: Ann Smith").wait_for()
    screenshot(page, "queue")
    page.get_by_role("link", name="Approve: Ann Smith").focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Approve Ann Smith?").wait_for()
    page.get_by_label("Reason").fill("Welcome")
    page.get_by_role("button", name="Approve", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_text("Ann Smith (ann@acme.example) was approved. The mail will be sent at ").wait_for()
    assert page.get_by_role("link", name="Approve: Ann Smith").count() == 0
    people["ann"].refresh_from_db()
    assert (people["ann"].status, people["ann"].status_reason) == (Status.ACTIVE, "Welcome")


def test_one_after_the_other_with_a_saved_reason_and_an_undo(page: Any, people: dict[str, User]) -> None:
    SavedReason.objects.create(title="Private address", text="Please use the address of your organisation.")
    page.set_viewport_size(NARROW)
    sign_in(page)
    page.goto(f"/admin/keystone/awaitingdecision/{people['ann'].pk}/approve/?q=smith")
    page.get_by_role("button", name="Reject and next").click()
    page.get_by_text("You have not given a reason, so the person will not be told why.").wait_for()
    page.get_by_label("Saved reason").select_option(label="Private address")
    assert page.get_by_label("Reason", exact=True).input_value() == "Please use the address of your organisation."
    assert overflow(page) == 0
    page.get_by_role("button", name="Reject without a reason").click()
    page.get_by_role("heading", name="Approve Bob Smith?").wait_for()
    assert overflow(page) == 0
    screenshot(page, "next-narrow")
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("The rejection of Ann Smith has been undone. No mail was sent.").wait_for()
    page.get_by_role("heading", name="Reject Ann Smith?").wait_for()
    people["ann"].refresh_from_db()
    assert (people["ann"].status, people["ann"].rejection_count) == (Status.PENDING_ADMIN_APPROVAL, 0)


def test_bulk_decision_shows_what_happened_to_each(page: Any, people: dict[str, User]) -> None:
    sign_in(page)
    page.goto("/admin/keystone/awaitingdecision/")
    for name in ("bob@acme.example", "eve@example.org"):
        page.get_by_label(f"Select {name}").check()
    page.locator("select[name=action]").select_option("approve_selected")
    page.get_by_role("button", name="Run").click()
    page.get_by_role("heading", name="Approve 2 people?").wait_for()
    page.get_by_text("1 of them has not verified their email address.").wait_for()
    screenshot(page, "confirmation")
    page.get_by_role("button", name="Approve", exact=True).click()
    page.get_by_role("heading", name="Result").wait_for()
    screenshot(page, "result")
    assert page.locator("#done-count").inner_text() == "1"
    assert page.locator("#refused-count").inner_text() == "1"
    assert page.locator('[data-code="address_unverified"]').get_by_text("eve@example.org").count() == 1
    statuses = {name: User.objects.get(pk=people[name].pk).status for name in ("bob", "eve")}
    assert statuses == {"bob": Status.ACTIVE, "eve": Status.PENDING_ADMIN_APPROVAL}


def test_queue_fits_a_narrow_screen(page: Any) -> None:
    page.set_viewport_size(NARROW)
    sign_in(page)
    for address in ("/admin/", "/admin/keystone/awaitingdecision/", "/admin/keystone/user/"):
        page.goto(address)
        assert overflow(page) == 0, address
    page.goto("/admin/keystone/awaitingdecision/")
    box = page.get_by_role("link", name="Reject: Ann Smith").bounding_box()
    assert box["x"] + box["width"] <= 390
    screenshot(page, "queue-narrow")


def test_person_sessions_and_limits_fit_a_narrow_screen(page: Any, people: dict[str, User]) -> None:
    anna, now = people["anna"], timezone.now()
    User.objects.filter(pk=anna.pk).update(is_superuser=True)
    staff = approver("view_auditevent", "view_session", "suspend_user", email="dana.reyes@example.com")
    Session.objects.create(user=staff, refresh_digest="", expires_at=now + timedelta(days=1), user_agent=FIREFOX)
    AttemptWindow.objects.create(limit=Limit.ADDRESS, address=staff.email, count=3, ends_at=now + timedelta(hours=1))
    page.set_viewport_size(NARROW)
    sign_in(page)
    person = f"/admin/keystone/user/{staff.pk}"
    for address in (f"{person}/change/", f"{person}/history/", "/api/users/"):
        page.goto(address)
        assert overflow(page) == 0, address
    bar, title = (page.locator(part).first.bounding_box() for part in (".navbar", "h1"))
    assert bar["y"] + bar["height"] <= title["y"]
    page.goto(f"{person}/sessions/")
    assert overflow(page) == 0
    button = page.get_by_role("button", name="End the session of Firefox on Windows").bounding_box()
    assert button["x"] + button["width"] <= 390
    assert page.locator(".k-stacked td:visible").all_inner_texts()[:2] == ["Firefox on Windows", "OPEN"]
    screenshot(page, "person-sessions-narrow")
    page.goto("/admin/keystone/session/")
    assert overflow(page) == 0
    labels = page.locator("#result_list tr", has_text=str(staff)).locator(".k-narrow-only:visible")
    assert labels.all_inner_texts() == ["Signed in to", "Device", "Signed in (UTC)", "Last used (UTC)", "Ends (UTC)"]
    page.goto("/admin/keystone/attemptwindow/")
    assert overflow(page) == 0
    row = page.locator("#result_list tr", has_text=staff.email).locator(".k-narrow-only:visible")
    assert row.all_inner_texts() == ["Counted by", "Email address", "Attempts", "Since (UTC)", "Until (UTC)"]


def test_the_active_entry_of_the_menu_is_legible_in_the_dark(page: Any) -> None:
    page.emulate_media(color_scheme="dark")
    sign_in(page)
    page.goto("/admin/keystone/user/")
    assert page.locator("#nav-sidebar a.active").evaluate(CONTRAST) >= 4.5
