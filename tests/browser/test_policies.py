"""The content security policies in headless Chromium: no page does what its own policy forbids."""

from typing import Any

import pytest

from keystone.testing.factories import PASSWORD, superuser
from tests.browser.chromium import needs_chromium, opened, screenshot

pytestmark = needs_chromium


def test_the_documentation_works_under_the_strict_policy(live_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(live_server.url, monkeypatch) as page:
        page.goto("/docs/")
        operation = page.locator("#operations-health-health_live")
        operation.locator(".opblock-summary-control").click()
        operation.get_by_role("button", name="Try it out").click()
        operation.get_by_role("button", name="Execute").click()
        operation.locator(".live-responses-table").get_by_text("200").first.wait_for()
        page.get_by_role("button", name="Authorize").first.click()
        page.get_by_role("heading", name="Available authorizations").wait_for()
        screenshot(page, "docs")


def test_the_browsable_api_works_under_its_policy(live_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    root = superuser(email="root@example.com")
    with opened(live_server.url, monkeypatch) as page:
        page.goto("/api/session/login/?next=/api/me/")
        page.fill("[name=username]", root.email)
        page.fill("[name=password]", PASSWORD)
        page.locator("main button").click()
        page.get_by_text("root@example.com").first.wait_for()
        page.get_by_role("button", name="OPTIONS").click()
        page.get_by_text("200 OK").wait_for()
        screenshot(page, "browsable-api")
