"""The front end of docs/front-end.md, in two tabs of headless Chromium."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from keystone.sessions.models import Session
from keystone.testing.factories import PASSWORD, UserFactory
from tests.browser.chromium import needs_chromium, opened

pytestmark = needs_chromium
DOCUMENT = Path(settings.BASE_DIR) / "docs" / "front-end.md"


def front_end() -> str:
    """The code of the document, as a script that makes its functions global."""
    [code] = re.findall(r"```js\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    return re.sub(r"^export ", "", code, flags=re.MULTILINE).replace("const tokens", "var tokens")


@pytest.mark.parametrize("takes_turns", [True, False])
def test_two_tabs_that_refresh_at_once_stay_signed_in(
    live_server: Any, monkeypatch: pytest.MonkeyPatch, takes_turns: bool
) -> None:
    user = UserFactory()
    with opened(live_server.url, monkeypatch) as page:
        # Whose consoles are not looked at: Chromium complains of an answer of 409.
        first, second = page.context.new_page(), page.context.new_page()
        for tab in (first, second):
            tab.goto("/verify-email/resend/")  # any page of the site
            tab.evaluate("code => { (0, eval)(code) }", front_end())
            if not takes_turns:
                tab.evaluate("() => { navigator.locks.request = (name, work) => work() }")
        pair = first.evaluate(
            """async body => {
                const answer = await fetch("/api/auth/login/", {
                    method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(body),
                });
                tokens.write(await answer.json());
                return tokens.read();
            }""",
            {"email": user.email, "password": PASSWORD},
        )
        for tab in (first, second):
            tab.evaluate("old => { window.renewed = renew(old) }", pair)
        results = [tab.evaluate("() => window.renewed") for tab in (first, second)]
        assert results[0] == results[1]
        assert results[0]["refresh"] != pair["refresh"]
        for tab in (first, second):
            assert tab.evaluate("async () => (await call('/api/me/')).status") == 200
    assert Session.objects.live().count() == 1
