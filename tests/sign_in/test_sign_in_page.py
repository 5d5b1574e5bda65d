"""The two pages of the admin's sign-in, as they are sent."""

import pytest
from django.test import Client

from keystone.accounts.models import User
from keystone.testing.factories import PASSWORD, approver
from tests.two_factor.phone import WRONG, set_up

pytestmark = pytest.mark.django_db
LOGIN, CODE = "/admin/login/", "/admin/login/code/"
SHOWN = "<noscript><style>html[x-cloak] { display: block !important; }</style></noscript>"


@pytest.fixture
def client() -> Client:
    """A browser that stands before the second step."""
    anna: User = approver(email="anna@example.com")
    set_up(anna)
    client = Client()
    client.post(LOGIN, {"username": anna.email, "password": PASSWORD})
    return client


@pytest.mark.parametrize("address", [LOGIN, CODE])
def test_pages_are_shown_without_scripts_and_have_a_main_landmark(client: Client, address: str) -> None:
    response = client.get(address)
    page = response.content.decode()
    assert SHOWN in page
    assert "style-src 'self' 'unsafe-inline'" in response["Content-Security-Policy"]
    assert (page.count("<main>"), page.count("</main>")) == (1, 1)


@pytest.mark.parametrize("query", ["", "?recovery=1"])
@pytest.mark.parametrize("address", [CODE, "/api/session/login/code/"])
def test_a_wrong_code_is_not_sent_back(client: Client, address: str, query: str) -> None:
    text = client.post(f"{address}{query}", {"code": WRONG}).content.decode()
    assert "This code is wrong" in text
    assert WRONG not in text


def test_a_wrong_recovery_code_is_told_of_recovery_codes(client: Client) -> None:
    text = client.post(f"{CODE}?recovery=1", {"code": "AAAA-BBBB-CCCC-DDDD"}).content.decode()
    assert "This recovery code is wrong or has already been used. Each works once." in text
    assert "Wait until your app shows the next one" not in text
    assert "AAAA-BBBB" not in text
