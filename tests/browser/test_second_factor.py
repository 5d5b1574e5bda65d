"""Two-factor sign-in in headless Chromium: the walk of staff who must set it up, on a desk and on a phone."""

import re
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from keystone.accounts.models import User
from keystone.testing.factories import PASSWORD, approver
from keystone.two_factor.models import Authenticator
from tests.browser.chromium import needs_chromium, opened, overflow, screenshot
from tests.two_factor.phone import fresh_code, set_up, shown

pytestmark = needs_chromium


@pytest.fixture
def anna(settings: Settings) -> User:
    """Staff who must have a second factor, and have none yet."""
    settings.KEYSTONE = {**settings.KEYSTONE, "TWO_FACTOR_REQUIRED": True}
    return approver(email="anna@example.com", first_name="Anna", last_name="Decides")


def give_password(page: Any) -> None:
    """The first step."""
    page.get_by_label("Email address").fill("anna@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name=re.compile("Log in")).click()


def contrast(page: Any, selector: str) -> float:
    """The contrast of a text with the page's ground (WCAG 2.2, 1.4.3), as the browser paints them."""
    page.wait_for_load_state("networkidle")
    page.locator(selector).wait_for()
    ratio: float = page.evaluate(
        """selector => {
            const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
            const luminance = colour => {
                canvas.fillStyle = colour;
                canvas.fillRect(0, 0, 1, 1);
                const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map(byte => byte / 255)
                    .map(part => part <= .04045 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4);
                return .2126 * r + .7152 * g + .0722 * b;
            };
            const text = luminance(getComputedStyle(document.querySelector(selector)).color);
            const ground = luminance(getComputedStyle(document.querySelector('#page')).backgroundColor);
            return (Math.max(text, ground) + .05) / (Math.min(text, ground) + .05);
        }""",
        selector,
    )
    return ratio


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("desk", {}),
        ("phone-dark", {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "has_touch": True}),
    ],
)
def test_staff_set_it_up_and_sign_in_with_it(
    name: str, options: dict[str, Any], anna: User, live_server: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with opened(live_server.url, monkeypatch, permissions=["clipboard-read", "clipboard-write"], **options) as page:
        page.goto("/admin/keystone/awaitingdecision/")
        assert contrast(page, "main h1 > span:last-child") >= 4.5
        give_password(page)
        page.get_by_text("Two-factor sign-in is required for staff.").wait_for()
        assert overflow(page) == 0
        screenshot(page, f"two-factor-required-{name}")

        page.get_by_role("button", name="Set it up").click()
        picture = page.get_by_role("img", name=re.compile("QR code"))
        assert picture.evaluate("image => image.complete && image.naturalWidth") > 0
        secret = page.locator("#secret").inner_text()
        assert secret == Authenticator.objects.get().secret
        assert overflow(page) == 0
        screenshot(page, f"two-factor-set-up-{name}")
        page.wait_for_function("document.activeElement.name === 'code'")
        page.keyboard.type("12 34")
        page.keyboard.press("Enter")
        page.get_by_text("This code is wrong").wait_for()
        page.get_by_label("Code of your authenticator app").fill(shown(Authenticator.objects.get()))
        page.keyboard.press("Enter")

        page.locator("#codes").wait_for()
        codes = page.locator("#codes code").all_inner_texts()
        assert len(codes) == 10
        assert overflow(page) == 0
        screenshot(page, f"two-factor-codes-{name}")
        page.get_by_role("button", name="Copy").click()
        page.get_by_text("Copied").wait_for()
        assert page.evaluate("navigator.clipboard.readText()").split() == codes
        with page.expect_download() as download:
            page.get_by_role("link", name="Download").click()
        assert download.value.suggested_filename == "recovery-codes.txt"
        download.value.save_as(tmp_path / "codes.txt")
        assert (tmp_path / "codes.txt").read_text().split()[-10:] == codes

        page.get_by_role("button", name="Continue").click()
        assert page.locator("#codes").is_visible()  # not without the tick
        page.get_by_label("I have saved them").check()
        page.get_by_role("button", name="Continue").click()
        page.wait_for_url("**/admin/keystone/awaitingdecision/")

        page.context.clear_cookies()
        page.goto("/admin/keystone/awaitingdecision/")
        give_password(page)
        page.get_by_text("Open your authenticator app").wait_for()
        assert overflow(page) == 0
        screenshot(page, f"two-factor-code-{name}")
        page.get_by_label("Code of your authenticator app").fill(fresh_code(anna))
        page.keyboard.press("Enter")
        page.wait_for_url("**/admin/keystone/awaitingdecision/")

        page.context.clear_cookies()
        page.goto("/admin/two-factor/")
        give_password(page)
        page.get_by_role("link", name="Use a recovery code instead").click()
        page.get_by_label("Recovery code").fill(codes[0].lower().replace("-", " "))
        page.keyboard.press("Enter")
        page.get_by_text("You signed in with a recovery code. 9 are left.").wait_for()
        page.get_by_text("9 of 10 left").wait_for()
        assert overflow(page) == 0
        screenshot(page, f"two-factor-state-{name}")


def test_the_sign_in_works_without_scripts(
    anna: User, live_server: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(anna)
    with opened(live_server.url, monkeypatch, java_script_enabled=False) as page:
        page.goto("/admin/login/")
        page.locator("main").get_by_label("Password").wait_for()
        screenshot(page, "sign-in-without-scripts")
        give_password(page)
        page.locator("main").get_by_text("Open your authenticator app").wait_for()
        page.get_by_label("Code of your authenticator app").fill(fresh_code(anna))
        page.get_by_role("button", name=re.compile("Log in")).click()
        page.wait_for_url("**/admin/")
