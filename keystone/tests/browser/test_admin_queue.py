"""The admin in headless Chromium: from the sign-in page to a decision and its result."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from keystone.accounts.models import User
from keystone.accounts.status import ApprovalFlow, Status
from keystone.tests.browser.chromium import needs_chromium, opened, screenshot
from keystone.tests.factories import PASSWORD, UserFactory, approver

pytestmark = needs_chromium


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
    page.get_by_role("button", name="Approve").focus()
    page.keyboard.press("Enter")
    page.get_by_text("Ann Smith (ann@acme.example) was approved and is told by mail.").wait_for()
    assert page.get_by_role("link", name="Approve: Ann Smith").count() == 0
    people["ann"].refresh_from_db()
    assert (people["ann"].status, people["ann"].status_reason) == (Status.ACTIVE, "Welcome")


def test_bulk_decision_shows_what_happened_to_each(page: Any, people: dict[str, User]) -> None:
    sign_in(page)
    page.goto("/admin/keystone/awaitingdecision/")
    for name in ("bob@acme.example", "eve@example.org"):
        page.get_by_label(f"Select {name}").check()
    page.locator("select[name=action]").select_option("approve_selected")
    page.get_by_role("button", name="Run").click()
    page.get_by_role("heading", name="Approve 2 people?").wait_for()
    page.get_by_text("1 of them has not verified their address.").wait_for()
    screenshot(page, "confirmation")
    page.get_by_role("button", name="Approve").click()
    page.get_by_role("heading", name="Result").wait_for()
    screenshot(page, "result")
    assert page.locator("#done-count").inner_text() == "1"
    assert page.locator("#refused-count").inner_text() == "1"
    assert page.locator('[data-code="address_unverified"]').get_by_text("eve@example.org").count() == 1
    statuses = {name: User.objects.get(pk=people[name].pk).status for name in ("bob", "eve")}
    assert statuses == {"bob": Status.ACTIVE, "eve": Status.PENDING_ADMIN_APPROVAL}


def test_queue_fits_a_narrow_screen(page: Any) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    sign_in(page)
    for address in ("/admin/", "/admin/keystone/awaitingdecision/", "/admin/keystone/user/"):
        page.goto(address)
        page.wait_for_load_state("networkidle")
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide == 0
    page.goto("/admin/keystone/awaitingdecision/")
    box = page.get_by_role("link", name="Reject: Ann Smith").bounding_box()
    assert box["x"] + box["width"] <= 390
    screenshot(page, "queue-narrow")
