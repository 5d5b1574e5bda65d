from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from keystone.accounts.models import User
from keystone.testing.factories import UserFactory, superuser

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("ordering", ["created_at", "-created_at", "email", "-last_name"])
def test_pages_give_every_row_once_forwards_and_backwards(
    signed_in: Callable[[User], APIClient], ordering: str
) -> None:
    client = signed_in(superuser())
    UserFactory.create_batch(11)
    # Half of the rows share one time, as after a bulk change: ties must neither repeat nor be lost.
    tied = User.objects.values_list("pk", flat=True)[:6]
    User.objects.filter(pk__in=list(tied)).update(created_at=datetime(2026, 1, 1, tzinfo=UTC))
    column = ordering.replace("email", "email_normalized")
    in_order = User.objects.order_by(column, f"{'-' * column.startswith('-')}pk")
    expected = [str(pk) for pk in in_order.values_list("pk", flat=True)]

    url: str | None = f"/api/users/?page_size=5&ordering={ordering}"
    pages, last = [], None
    while url:
        last = client.get(url).json()
        pages.append([row["id"] for row in last["results"]])
        url = last["next"]
    assert [len(page) for page in pages] == [5, 5, 2]
    assert [key for page in pages for key in page] == expected

    assert last is not None
    back: list[list[str]] = []
    while last["previous"]:
        last = client.get(last["previous"]).json()
        back.insert(0, [row["id"] for row in last["results"]])
    assert back == pages[:2]
    assert client.get(last["next"]).json()["results"][0]["id"] == pages[1][0]


@pytest.mark.parametrize(("asked", "given"), [("0", 1), ("-5", 1), ("2", 2), ("100000", 12), ("", 12)])
def test_the_page_size_is_clamped(signed_in: Callable[[User], APIClient], asked: str, given: int) -> None:
    client = signed_in(superuser())
    UserFactory.create_batch(11)
    assert len(client.get("/api/users/", {"page_size": asked}).json()["results"]) == given


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"X-Forwarded-Host": "evil.example"},
        {"X-Forwarded-Proto": "https", "Host": "localhost"},
    ],
)
def test_links_come_from_the_settings_and_not_from_the_host(
    signed_in: Callable[[User], APIClient], settings: Settings, headers: dict[str, str]
) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    settings.KEYSTONE = {"PUBLIC_URL": "https://keystone.example.com/base"}
    UserFactory.create_batch(2)
    client = signed_in(superuser())
    path = "/api/users/?page_size=1&search=%C3%A9%20x"
    first = client.get("/api/users/?page_size=1&ordering=email", headers=headers).json()
    assert first["next"].startswith("https://keystone.example.com/base/api/users/?cursor=")
    assert first["next"].endswith("&ordering=email&page_size=1")
    second = client.get(first["next"].removeprefix("https://keystone.example.com/base"), headers=headers).json()
    assert second["previous"].startswith("https://keystone.example.com/base/api/users/?cursor=")
    assert client.get(path, headers=headers).json()["results"] == []


@pytest.mark.parametrize(
    "address", ["/", "/docs/", "/redoc/", "/api/users/", "/api/schema/", "/admin/login/", "/nowhere/"]
)
def test_no_page_repeats_the_host(client: Client, settings: Settings, address: str) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    client.force_login(superuser())
    for headers in ({"Host": "evil.example"}, {"X-Forwarded-Host": "evil.example"}):
        answer = client.get(address, headers={**headers, "Accept": "text/html, */*"}, follow=True)
        assert "evil.example" not in answer.content.decode()
        assert "evil.example" not in str(answer.headers)
