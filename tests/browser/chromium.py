"""Headless Chromium, for the tests that look at the pages as people do."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connections

from keystone.accounts.models import User
from keystone.testing.factories import PASSWORD, superuser

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SCREENSHOTS = Path(settings.BASE_DIR) / "artifacts" / "screenshots"
WAIT = 30_000  # milliseconds; a machine under load takes its time

needs_chromium = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (apt-get install chromium)"),
    pytest.mark.django_db(transaction=True),
]
on_two_screens = pytest.mark.parametrize(
    ("name", "options"),
    [("desk", {}), ("phone-dark", {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"})],
)


@contextmanager
def opened(url: str, monkeypatch: pytest.MonkeyPatch, *, expected: str = r"$.", **options: Any) -> Iterator[Any]:
    """A page that starts at `url`; what its console complains of fails the test.

    Args:
        expected: a pattern of what the console may complain of.
        options: of Playwright's browser context, such as `viewport` and `color_scheme`.
    """
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    # Playwright's synchronous interface keeps an event loop in this thread, where Django refuses queries.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    complaints: list[str] = []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-quic"]
        )
        context = browser.new_context(base_url=url, **{"viewport": {"width": 1360, "height": 900}, **options})
        context.set_default_timeout(WAIT)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        try:
            yield page
        finally:
            browser.close()
            # Those opened beside Playwright's loop are not the thread's own, and would stay open.
            connections.close_all()
    assert [text for text in complaints if not re.search(expected, text)] == []


def sign_in(page: Any, address: str) -> None:
    """Sign in to the admin as the superuser root@example.com, who is made where there is none, at an address."""
    page.goto(f"/admin/login/?next={address}")
    person = User.objects.filter(email="root@example.com").first() or superuser(email="root@example.com")
    page.fill("[name=username]", person.email)
    page.fill("[name=password]", PASSWORD)
    page.locator("button[type=submit]").first.click()


def overflow(page: Any) -> int:
    """By how many pixels the page is wider than the screen."""
    page.wait_for_load_state("networkidle")
    wide: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return wide


def screenshot(page: Any, name: str) -> None:
    """Keep a picture outside git."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.wait_for_load_state("networkidle")
    page.screenshot(path=os.fspath(SCREENSHOTS / f"{name}.png"), full_page=True)
