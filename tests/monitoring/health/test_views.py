"""Health over HTTP: what is open to whoever asks, what takes a server out of service, and what does not."""

import threading
import time

import pytest
from django.test import Client
from pytest_django import Settings

from keystone.monitoring.health import database, readiness
from keystone.monitoring.health.kept import Kept
from tests.served.server import free_port

READY = "/api/health/ready/"
FINE = dict.fromkeys((*database.CRITICAL, *database.OTHERS), "ok")


@pytest.fixture
def no_redis(settings: Settings) -> None:
    """Each process has a cache of its own."""
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}


def test_it_is_live_whatever_the_database_does(client: Client) -> None:  # which this test may not ask
    assert client.get("/api/health/live/").json() == {"status": "ok"}


def test_it_is_ready_when_all_is_well(living: None, no_redis: None, client: Client) -> None:
    answer = client.get(READY)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "checks": FINE})


@pytest.mark.django_db(transaction=True)
def test_what_only_delays_other_work_takes_no_server_out_of_service(no_redis: None, client: Client) -> None:
    answer = client.get(READY)
    checks = {**FINE, "worker": "none", "scheduler": "none"}
    assert (answer.status_code, answer.json()) == (200, {"status": "degraded", "checks": checks})


@pytest.mark.parametrize("name", database.CRITICAL)
def test_what_requests_need_does(name: str, no_redis: None, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {**FINE, name: "unknown"}
    monkeypatch.setattr(readiness, "_database", Kept(lambda: found, keep=60, wait=30))
    answer = client.get(READY)
    assert (answer.status_code, answer.json()) == (503, {"status": "unavailable", "checks": found})


def test_a_database_that_hangs_hangs_no_probe(no_redis: None, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()

    def hang() -> dict[str, str]:
        gate.wait(60)
        return dict(FINE)

    monkeypatch.setattr(readiness, "_database", Kept(hang, keep=60, wait=0.2))
    begun = time.monotonic()
    answers = [client.get(READY) for _ in range(3)]
    assert time.monotonic() - begun < 5
    unknown = {**dict.fromkeys(FINE, "unknown"), "database": "no answer"}
    assert [(answer.status_code, answer.json()["checks"]) for answer in answers] == [(503, unknown)] * 3
    assert client.get("/api/health/live/").status_code == 200
    gate.set()
    end = time.monotonic() + 10
    while client.get(READY).status_code == 503 and time.monotonic() < end:
        time.sleep(0.01)
    assert client.get(READY).json() == {"status": "ok", "checks": FINE}


@pytest.mark.parametrize(("size", "said"), [(16, "pool exhausted"), (2, "no answer")])
def test_an_exhausted_pool_is_told_as_such_and_one_that_gets_no_connections_is_not(
    no_redis: None, client: Client, monkeypatch: pytest.MonkeyPatch, size: int, said: str
) -> None:
    gate = threading.Event()

    def hang() -> dict[str, str]:
        gate.wait(60)
        return {}

    monkeypatch.setattr(readiness, "_database", Kept(hang, keep=60, wait=0.1))
    figures = {"requests_waiting": 1, "pool_available": 0, "pool_size": size, "pool_max": 16}
    monkeypatch.setattr("keystone.monitoring.health.pool.pool_figures", lambda: figures)
    answer = client.get(READY)
    gate.set()
    assert (answer.status_code, answer.json()["checks"]["database"]) == (503, said)


def test_a_cache_that_is_away_only_degrades(living: None, settings: Settings, client: Client) -> None:
    location = f"redis://127.0.0.1:{free_port()}/0"
    settings.CACHES = {"default": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": location}}
    answer = client.get(READY)
    checks = {**FINE, "cache": "unreachable"}
    assert (answer.status_code, answer.json()) == (200, {"status": "degraded", "checks": checks})


def test_a_stranger_who_asks_and_asks_costs_one_look_a_second(
    no_redis: None, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []

    def look() -> dict[str, str]:
        looks.append(1)
        return dict(FINE)

    monkeypatch.setattr(readiness, "_database", Kept(look, keep=readiness.KEPT, wait=30))
    begun = time.monotonic()
    for _ in range(30):
        client.get(READY)
    assert len(looks) <= 1 + (time.monotonic() - begun) / readiness.KEPT
