"""Every page against WCAG 2.2 AA: axe-core on a wide and on a narrow screen, light and dark, and by keyboard."""

from collections.abc import Iterable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client

from keystone.accounts.models import User
from keystone.mail.registry import EMAILS
from keystone.testing.factories import superuser
from tests.browser.chromium import needs_chromium, opened, overflow, sign_in
from tests.browser.everything import admin_pages, make_everything, public_pages

pytestmark = needs_chromium
WIDE, NARROW = {"width": 1600, "height": 900}, {"width": 320, "height": 640}
# target-size is of WCAG 2.2 and off by default.
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
RULES = {
    "runOnly": [*WCAG, "best-practice"],
    "rules": {"target-size": {"enabled": True}},
    "resultTypes": ["violations"],
}
# Of pages that other packages make, and of mails, the landmarks are not ours to give.
WCAG_RULES = {**RULES, "runOnly": WCAG}
# What only some states of a list show: filters that are set, a search that finds nothing, a message.
LISTS = (
    "/admin/keystone/user/?status=active",
    "/admin/keystone/user/?q=nobody-of-this-name",
    "/admin/keystone/task/?state=failed",
    "/admin/keystone/outgoingmail/?state=queued&state=sent&mail=approved",
)
DOCUMENTS = ("/docs/", "/redoc/", "/api/me/", "/api/users/", "/api/users/?page_size=nonsense")
COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast"]}, "resultTypes": ["violations"]}


DARKEN = "dark => document.documentElement.classList.toggle('dark', dark)"
# What fades in is pale until then. Some turn without end, such as a sign of waiting.
STAND_STILL = """() => new Promise(soon => setTimeout(soon, 100)).then(() => Promise.allSettled(
    document.getAnimations().filter(each => each.effect.getComputedTiming().endTime < 2000).map(each => each.finished)
))"""


@pytest.fixture
def root() -> User:
    return superuser(email="root@example.com")


def faults(page: Any, addresses: Iterable[str], rules: dict[str, Any] = RULES) -> list[str]:
    """What axe finds on these pages, and which of them scroll sideways on a narrow screen."""
    axe, found = Axe(), []
    for address in addresses:
        page.set_viewport_size(WIDE)
        page.emulate_media(color_scheme="light")
        page.goto(address)
        page.wait_for_load_state("networkidle")
        found += [f"{address} {fault}" for fault in violations(page, axe, rules)]
        page.emulate_media(color_scheme="dark")
        page.evaluate(DARKEN, True)
        found += [f"{address} dark {fault}" for fault in violations(page, axe, COLOURS)]
        page.evaluate(DARKEN, False)
        page.set_viewport_size(NARROW)
        page.emulate_media(color_scheme="light")
        found += [f"{address} narrow {fault}" for fault in violations(page, axe, rules)]
        if wide := overflow(page):
            found.append(f"{address} is {wide} px wider than a screen of 320 px")
    return found


def violations(page: Any, axe: Axe, options: dict[str, Any]) -> list[str]:
    """What axe finds on the page as it is shown now."""
    return [
        f"{violation['id']}: {node['target']} {node['html'][:160]}"
        for violation in axe.run(page, options=options).response["violations"]
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("half", [0, 1])  # so that two processes share them
def test_every_page_of_the_admin_is_accessible(
    root: User, live_server: Any, monkeypatch: pytest.MonkeyPatch, half: int
) -> None:
    make_everything(root)
    client = Client()
    client.force_login(root)
    pages = admin_pages(client)
    with opened(live_server.url, monkeypatch) as page:
        sign_in(page, "/admin/")
        found = faults(page, [*pages, *LISTS][half::2])
        assert not found, "\n".join(found)


def test_what_opens_on_a_page_is_accessible(root: User, live_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    make_everything(root)
    dana = User.objects.get(email="dana@example.com")
    queue, person = "/admin/keystone/awaitingdecision/", f"/admin/keystone/user/{dana.pk}/change/"
    opening = (
        (queue, "#filter-open", "#changelist-filter"),
        (queue, "input.action-select >> nth=0", "select[name=action]"),
        (queue, "#account-button", "text=Log out"),
        (person, ".select2-search__field >> nth=0", ".select2-results__option >> nth=0"),
        (person, "#calendarlink0", "#calendarbox0"),
        (person, "#clocklink0", "#clockbox0"),
    )
    axe, found = Axe(), []
    with opened(live_server.url, monkeypatch, reduced_motion="reduce") as page:
        sign_in(page, "/admin/")
        for address, button, what in opening:
            page.goto(address)
            page.wait_for_load_state("networkidle")
            page.locator(button).click()
            page.locator(what).wait_for(state="visible")
            page.evaluate(STAND_STILL)
            found += [f"{address} {what} {fault}" for fault in violations(page, axe, RULES)]
            page.evaluate(DARKEN, True)
            page.evaluate(STAND_STILL)
            found += [f"{address} {what} dark {fault}" for fault in violations(page, axe, COLOURS)]
        assert not found, "\n".join(found)


def test_every_page_for_everybody_is_accessible(root: User, live_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    links = make_everything(root)
    refused = r"status of 4\d\d"  # links that were used, and a page that is not there
    with opened(live_server.url, monkeypatch, expected=refused, reduced_motion="reduce") as page:
        found = faults(page, public_pages(links))
        assert not found, "\n".join(found)


def test_the_documents_and_the_browsable_api_are_accessible(live_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(live_server.url, monkeypatch, expected=r"status of 4\d\d|redoc") as page:
        sign_in(page, "/admin/")
        found = faults(page, DOCUMENTS, WCAG_RULES)
        assert not found, "\n".join(found)


def test_every_mail_is_accessible(live_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # Their frames run no script, so each is looked at on a page of its own.
    axe, found = Axe(), []
    client = Client()
    client.force_login(superuser())
    with opened(live_server.url, monkeypatch, viewport=NARROW) as page:
        for name in EMAILS:
            html = client.get(f"/admin/keystone/outgoingmail/templates/{name}/html/").content.decode()
            page.set_content(html)
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                found += [f"{name} {scheme} {fault}" for fault in violations(page, axe, WCAG_RULES)]
            if wide := overflow(page):
                found.append(f"{name} is {wide} px wider than a screen of 320 px")
        assert not found, "\n".join(found)
