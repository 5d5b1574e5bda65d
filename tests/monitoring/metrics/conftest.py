"""Fixtures of the tests of metrics."""

from collections.abc import Callable, Iterator

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from keystone.monitoring.metrics import collecting

TOKEN = "a token that only Prometheus knows"
Scrape = Callable[[], dict[str, dict[tuple[str, ...], float]]]


@pytest.fixture(autouse=True)
def _looked_up_anew() -> Iterator[None]:
    """Nothing is known from the test before, nor left for the next one."""
    collecting.forget()
    yield
    collecting.forget()


@pytest.fixture
def scrape(client: Client, settings: Settings) -> Scrape:
    """Asks for the figures as Prometheus does."""
    settings.KEYSTONE = {**settings.KEYSTONE, "METRICS_TOKEN": TOKEN}

    def scrape() -> dict[str, dict[tuple[str, ...], float]]:
        answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        assert answer.status_code == 200
        return values(answer.content.decode())

    return scrape


def values(text: str) -> dict[str, dict[tuple[str, ...], float]]:
    """Each sample's value, by its name and by the values of its labels in the order of their names."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = tuple(sample.labels[name] for name in sorted(sample.labels))
            assert labels not in found.get(sample.name, {}), f"{sample.name} {labels} stands twice"
            found.setdefault(sample.name, {})[labels] = sample.value
    return found
