"""Metrics from the database: queried when Prometheus scrapes, some cached for a minute, never an error."""

import platform
from collections.abc import Iterator

import django
from django.conf import settings
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from keystone.monitoring.health.kept import Kept
from keystone.monitoring.metrics import figures
from keystone.monitoring.metrics.figures import Figures

WAIT = 4.0  # seconds for each of two lookups; Prometheus waits for ten
TOTAL = "_total"  # suffix of counters
UP = "keystone_database_up"
BUILD = "keystone_build_info"

# The documentation of each metric, and the names of its labels.
FAMILIES: dict[str, tuple[str, list[str]]] = {
    "keystone_tasks": ("Tasks by queue and state; none is counted beyond 10,001.", ["queue", "state"]),
    "keystone_task_oldest_due_seconds": ("How long the task has been due that waits longest.", ["queue"]),
    "keystone_workers": ("Workers with a sign of life.", []),
    "keystone_schedulers": ("Schedulers with a sign of life.", []),
    "keystone_people": ("People by status.", ["status"]),
    "keystone_decisions_total": ("Moves of accounts since midnight (UTC), by verb and by whom.", ["verb", "origin"]),
    "keystone_mails": ("Mails that are queued, and those of the last 24 hours that are settled.", ["state"]),
    "keystone_attempts": ("Attempts in the windows that run, by what they are counted by.", ["limit"]),
    "keystone_attempts_refused": ("Those of them that were refused.", ["limit"]),
    "keystone_scheduled_runs_total": ("Ended runs of the slots since midnight (UTC).", ["scheduled_job", "state"]),
}

_now = Kept(figures.current_figures, keep=0.0, wait=WAIT)  # concurrent scrapes share a lookup
_back = Kept(figures.slow_figures, keep=60.0, wait=WAIT)


def forget() -> None:
    """Expire the results, for tests."""
    _now.forget()
    _back.forget()


class DatabaseCollector(Collector):
    """Collects the metrics from the database, and the build's. If it is unavailable, `keystone_database_up` is 0."""

    def collect(self) -> Iterator[Metric]:
        """Yield all available metrics."""
        build = {
            "release": settings.SENTRY_RELEASE,
            "version": str(settings.SPECTACULAR_SETTINGS["VERSION"]),
            "environment": settings.ENVIRONMENT,
            "python": platform.python_version(),
            "django": django.get_version(),
        }
        info = GaugeMetricFamily(BUILD, "What runs here; always 1.", labels=list(build))
        info.add_metric(list(build.values()), 1)
        yield info
        now = _now.get()
        back = _back.get() if now is not None else None
        yield GaugeMetricFamily(UP, "Whether the database answered.", value=float(now is not None))
        for found in (now, back):
            yield from _families(found) if found is not None else ()


def _families(found: Figures) -> Iterator[Metric]:
    for name, values in found.values.items():
        documentation, labels = FAMILIES[name]
        kind = CounterMetricFamily if name.endswith(TOTAL) else GaugeMetricFamily
        family = kind(name, documentation, labels=labels)
        for given, value in values.items():
            family.add_metric(list(given), value)
        yield family
