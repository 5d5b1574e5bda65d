"""The admin by keyboard alone: what Tab reaches, in which order, and how what opens is closed again."""

from typing import Any

import pytest

from keystone.testing.factories import superuser
from tests.browser.chromium import needs_chromium, opened, sign_in
from tests.browser.everything import make_everything

pytestmark = needs_chromium
FOCUSED = """() => {
  const at = document.activeElement, style = getComputedStyle(at);
  return {
    name: (at.getAttribute("aria-label") || at.textContent || "").trim(), id: at.id,
    outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
  };
}"""
HIDDEN_ICONS = "icons => icons.filter(icon => !icon.closest('[aria-hidden=true]')).map(icon => icon.outerHTML)"


def focused(page: Any) -> dict[str, Any]:
    """What has the focus."""
    found: dict[str, Any] = page.evaluate(FOCUSED)
    return found


def tab_to(page: Any, name: str, *, most: int = 60) -> None:
    """Press Tab until the element of this name or id has the focus, which is seen on every element before it."""
    for _press in range(most):
        page.keyboard.press("Tab")
        at = focused(page)
        assert at["outlined"] or at["id"] == "searchbar", at  # whose frame is outlined instead
        if name in {at["id"], at["name"]}:
            return
    pytest.fail(f"Tab does not reach {name!r}")


def test_the_skip_link_is_first_and_leads_past_the_menu(live_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(live_server.url, monkeypatch) as page:
        sign_in(page, "/admin/keystone/user/")
        page.locator("main").wait_for()
        page.keyboard.press("Tab")
        assert focused(page)["name"] == "Skip to the content"
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert page.evaluate("document.querySelector('main').contains(document.activeElement)")
        assert page.locator("main").count() == page.locator("h1:visible").count() == 1


def test_menu_account_and_filters_open_and_close_by_keyboard(live_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    make_everything(superuser(email="root@example.com"))
    with opened(live_server.url, monkeypatch) as page:
        sign_in(page, "/admin/keystone/user/")
        page.locator("main").wait_for()
        tab_to(page, "account-button")
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Log out").wait_for()
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Log out").wait_for(state="hidden")
        assert focused(page)["id"] == "account-button"

        tab_to(page, "Menu")
        page.keyboard.press("Enter")
        page.locator("#nav-sidebar").wait_for(state="hidden")
        page.keyboard.press("Space")
        page.locator("#nav-sidebar").wait_for(state="visible")

        tab_to(page, "filter-open")
        page.keyboard.press("Enter")
        page.locator("#changelist-filter").wait_for(state="visible")
        page.wait_for_function("document.activeElement.id === 'filter-close'")
        tab_to(page, "Apply Filters")
        page.keyboard.press("Escape")
        page.locator("#changelist-filter").wait_for(state="hidden")
        page.wait_for_function("document.activeElement.id === 'filter-open'")

        page.keyboard.press("c")  # no key alone does anything
        page.keyboard.press("?")
        page.wait_for_timeout(300)
        assert page.url.endswith("/admin/keystone/user/")
        assert page.get_by_role("heading", name="Available shortcuts").count() == 0
        assert page.locator(".material-symbols-outlined").evaluate_all(HIDDEN_ICONS) == []


def test_menu_opens_and_closes_on_every_width(live_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(live_server.url, monkeypatch) as page:
        sign_in(page, "/admin/")
        menu, close = page.locator("#nav-sidebar"), page.get_by_role("button", name="Close the menu")
        for width, is_open_at_first in ((390, False), (1280, False), (1281, True)):
            page.set_viewport_size({"width": width, "height": 800})
            page.goto("/admin/")
            page.wait_for_load_state("networkidle")
            assert menu.is_visible() is is_open_at_first, width
            if not is_open_at_first:
                page.locator("#sidebar-toggle").click()
                page.wait_for_timeout(300)  # unfold closes it again where the page changes its size
                assert menu.is_visible(), width
                close.click()
                menu.wait_for(state="hidden")
            assert close.is_visible() is False
