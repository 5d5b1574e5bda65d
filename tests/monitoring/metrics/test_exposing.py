"""Who gets to see the figures, and what is counted of requests."""

import pytest
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client
from pytest_django import Settings

from keystone.monitoring.metrics import collecting
from keystone.testing.factories import UserFactory
from tests.background.rows import waiting
from tests.monitoring.metrics.conftest import TOKEN, Scrape

REQUESTS = "keystone_http_requests_total"


def test_without_a_token_a_server_has_no_such_address(client: Client, settings: Settings) -> None:
    assert settings.KEYSTONE["METRICS_TOKEN"] == ""
    assert client.get("/metrics").status_code == 404
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_in_development_it_is_open(client: Client, settings: Settings) -> None:
    settings.ENVIRONMENT = "local"
    answer = client.get("/metrics")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer \xe9"])
def test_strangers_learn_nothing(client: Client, settings: Settings, given: str) -> None:
    settings.KEYSTONE = {**settings.KEYSTONE, "METRICS_TOKEN": TOKEN}
    answer = client.get("/metrics", headers={"Authorization": given} if given else {})
    assert (answer.status_code, answer.content) == (401, b"")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="metrics"'


def test_nothing_can_be_sent_there(client: Client, settings: Settings) -> None:
    settings.KEYSTONE = {**settings.KEYSTONE, "METRICS_TOKEN": TOKEN}
    answer = client.post("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.django_db(transaction=True)
def test_prometheus_asks_each_process_by_an_address_that_is_no_host_of_ours(client: Client, settings: Settings) -> None:
    settings.KEYSTONE = {**settings.KEYSTONE, "METRICS_TOKEN": TOKEN}
    settings.SECURE_SSL_REDIRECT = True
    headers = {"Authorization": f"Bearer {TOKEN}", "Host": "10.1.2.3:8000"}
    answer = client.get("/metrics", headers=headers)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")


@pytest.mark.django_db(transaction=True)
def test_requests_are_counted_by_route_and_never_by_path(client: Client, scrape: Scrape) -> None:
    token = "Zm9yZ2VkLXRva2VuLW9mLWEtbGluay10aGF0LXdhcy1tYWlsZWQ"
    before = scrape()
    client.get("/api/health/live/")
    client.get(f"/verify-email/{token}/")
    client.get("/nowhere/at/all/")
    client.generic("BREW", "/api/health/live/")
    after = scrape()
    more = {
        labels: count - before.get(REQUESTS, {}).get(labels, 0)
        for labels, count in after[REQUESTS].items()
        if count != before.get(REQUESTS, {}).get(labels, 0)
    }
    assert more == {
        ("GET", "health-live", "200"): 1,
        ("GET", "pages:verify-email", "410"): 1,
        ("GET", "unmatched", "404"): 1,
        ("OTHER", "health-live", "405"): 1,
    }
    assert token not in str(after)
    took = after["keystone_http_request_duration_seconds_count"]
    was = before.get("keystone_http_request_duration_seconds_count", {})
    assert took["GET", "health-live"] - was.get(("GET", "health-live"), 0) == 1
    assert after["keystone_http_requests_in_flight"] == {(): 0}


def test_without_a_database_there_is_no_error(scrape: Scrape, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: object) -> None:
        raise OperationalError("connection to 10.1.2.3 failed")

    monkeypatch.setattr(BaseDatabaseWrapper, "ensure_connection", refuse)
    found = scrape()
    assert found["keystone_database_up"] == {(): 0}
    assert "keystone_people" not in found


@pytest.mark.django_db(transaction=True)
def test_people_are_counted_once_a_minute_and_the_queue_each_time(scrape: Scrape) -> None:
    found = scrape()
    assert (found["keystone_people"][("active",)], found["keystone_tasks"]["default", "due"]) == (0, 0)
    UserFactory()
    waiting()
    found = scrape()
    assert (found["keystone_people"][("active",)], found["keystone_tasks"]["default", "due"]) == (0, 1)
    collecting.forget()
    assert scrape()["keystone_people"][("active",)] == 1


@pytest.mark.django_db(transaction=True)
def test_the_build_is_told(scrape: Scrape, settings: Settings) -> None:
    settings.SENTRY_RELEASE = "2026.11.1"
    [(labels, value)] = scrape()["keystone_build_info"].items()
    assert (labels[1], labels[3], labels[4], value) == ("testing", "2026.11.1", "1.0.0", 1)
