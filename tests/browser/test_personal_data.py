"""The data of a person in headless Chromium, on a desk and on a phone: taken away as a zip, then erased."""

import json
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from keystone.accounts.models import User
from keystone.testing.factories import UserFactory, approver
from tests.browser.chromium import needs_chromium, on_two_screens, opened, overflow, screenshot, sign_in

pytestmark = needs_chromium


@on_two_screens
def test_the_data_of_a_person_is_taken_away_and_then_erased(
    name: str, options: dict[str, Any], live_server: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ann = UserFactory(email="ann@acme.example", first_name="Ann", last_name="Smith")
    account = f"/admin/keystone/user/{ann.pk}/change/"
    with opened(live_server.url, monkeypatch, **options) as page:
        sign_in(page, account)
        page.get_by_role("link", name="Data", exact=True).click()
        page.get_by_role("heading", name="Everything that is stored about this person").wait_for()
        assert overflow(page) == 0
        screenshot(page, f"personal-data-{name}")
        with page.expect_download() as download:
            page.get_by_role("button", name="Download").click()
        assert download.value.suggested_filename == f"personal-data-{ann.pk}.zip"
        download.value.save_as(tmp_path / "data.zip")
        with ZipFile(tmp_path / "data.zip") as archive:
            assert json.loads(archive.read("about.json"))["email"] == "ann@acme.example"

        erase = page.get_by_role("button", name="Erase permanently")
        typed = page.get_by_label("Email address of the account")
        typed.fill("bob@acme.example")
        erase.click()
        page.get_by_text("That is not the email address of this account. Nothing was erased.").wait_for()
        assert User.objects.get(pk=ann.pk).erased_at is None
        assert overflow(page) == 0
        screenshot(page, f"personal-data-other-address-{name}")

        typed.fill("ann@acme.example")
        typed.press("Enter")
        page.get_by_text("The person has been erased. The history is kept under a pseudonym.").wait_for()
        assert overflow(page) == 0
        assert page.locator(".k-identity").inner_text().splitlines()[1:] == ["DEACTIVATED", "ERASED"]
        screenshot(page, f"person-erased-{name}")
        assert User.objects.get(pk=ann.pk).erased_at is not None
        assert page.get_by_text("ann@acme.example").count() == 0

        page.get_by_role("link", name="Data", exact=True).click()
        page.get_by_text("This person was erased, which cannot be undone.").wait_for()
        assert page.get_by_role("button", name="Erase permanently").count() == 0
        screenshot(page, f"personal-data-erased-{name}")


def test_staff_are_not_erased_on_their_page(live_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    anna = approver(email="anna@example.com", first_name="Anna", last_name="Decides")
    with opened(live_server.url, monkeypatch) as page:
        sign_in(page, f"/admin/keystone/user/{anna.pk}/personal-data/")
        page.get_by_text("Withdraw their roles first.").wait_for()
        assert page.get_by_role("button", name="Download").is_visible()
        assert page.get_by_role("button", name="Erase permanently").count() == 0
        screenshot(page, "personal-data-staff")
