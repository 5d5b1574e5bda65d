"""The previews of mails in headless Chromium: their styles work in the frame, and the page's policies hold."""

from typing import Any

import pytest

from tests.browser.chromium import needs_chromium, opened, screenshot, sign_in

pytestmark = needs_chromium
PAGE = "/admin/keystone/outgoingmail/templates/approved/"


@pytest.mark.parametrize("width", [1360, 390])
def test_a_mail_is_shown_in_its_frame(live_server: Any, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    with opened(live_server.url, monkeypatch, viewport={"width": width, "height": 900}) as page:
        sign_in(page, PAGE)
        frame = page.frame_locator("iframe")
        frame.get_by_role("heading", name="Welcome to Keystone").wait_for()
        button = frame.get_by_role("link", name="Go to Keystone")
        assert button.evaluate("link => getComputedStyle(link).color") == "rgb(255, 255, 255)"
        page.get_by_label("Phone").check()
        assert page.locator("iframe").bounding_box()["width"] <= 375
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        screenshot(page, f"mail-preview-{width}")
