"""What a collector is sent: requests and their statements, and no secret; and what happens where nothing is traced."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from pytest_django import Settings

from keystone.observability import telemetry
from tests.observability.telemetry.collector import Collector, Sent
from tests.served.process import until
from tests.served.server import Server, process_environment
from tests.serving import serving

pytest.importorskip("opentelemetry.instrumentation.django", reason="the extra otel is not installed")

SERVER, CLIENT = 2, 3  # kinds of spans
TOKEN = "Zm9yZ2VkLXRva2VuLW9mLWEtbGluay10aGF0LXdhcy1tYWlsZWQ"
ALL_HEADERS = "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST"
QUICK = {"OTEL_BSP_SCHEDULE_DELAY": "100"}  # milliseconds


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector that runs."""
    with serving(Collector()) as running:
        yield running


def arrived(collector: Collector, enough: Callable[[list[Sent]], bool]) -> list[Sent]:
    """The spans, once there are enough of them."""
    end = time.monotonic() + 30
    while not enough(collector.spans()) and time.monotonic() < end:
        time.sleep(0.1)
    return collector.spans()


@pytest.mark.served
def test_each_process_traces_requests_and_tells_no_secret(
    collector: Collector, tmp_path: Path, transactional_db: None
) -> None:
    server = Server(tmp_path, environment={telemetry.ENDPOINT: collector.url, **QUICK, ALL_HEADERS: ".*"})
    server.start()
    secret_headers = {
        "X-Api-Key": "key-of-a-shop",
        "Authorization": "Token short-one",
        "Cookie": "sessionid=cookie-of-ann",
        "X-Forwarded-For": "203.0.113.9",
        "Referer": "https://example.com/?next=told-by-a-query",
    }
    try:
        body = {"email": "ann.traced@example.com", "password": "a password nobody has"}
        for _ in range(10):
            assert server.post(f"/api/auth/login/?next={TOKEN}", body).status in {401, 429}
        assert server.get(f"/verify-email/{TOKEN}/?mail=ann.traced@example.com", secret_headers).status == 410
        until(lambda: server.get("/api/health/ready/").status == 200)  # its first look may take a busy machine too long
        spans = arrived(collector, lambda found: sum(span.kind == SERVER for span in found) >= 11)
    finally:
        server.stop()
    requests = [span for span in spans if span.kind == SERVER]
    assert {span.name for span in requests} == {"POST api/auth/login/", "GET verify-email/<str:token>/"}
    assert {span.service for span in spans} == {"keystone-web"}
    # Statements belong to a request. What the probe and the background ask stands alone, and is left out.
    statements = [span for span in spans if span.kind == CLIENT]
    assert {span.parent for span in statements} <= {span.key for span in spans}
    counted = [span for span in statements if "keystone_attemptwindow" in span.attributes.get("db.statement", "")]
    assert counted
    assert "%(address)s" in counted[0].attributes["db.statement"]
    assert b"http.request.header.referer" in collector.raw
    said = ("key-of-a-shop", "short-one", "cookie-of-ann", "203.0.113.9", "told-by-a-query")
    for secret in (TOKEN, "ann.traced@example.com", "a password nobody has", *said):
        assert secret.encode() not in collector.raw
    assert not {"net.peer.ip", "client.address"} & {name for span in spans for name in span.attributes}


SCRIPT = """
import django
django.setup()
from keystone.observability import telemetry
telemetry.start("worker")
from django.contrib.auth import get_user_model
get_user_model().objects.count()  # as when a worker looks for tasks: it belongs to nothing
with telemetry.span("task keystone.example"):
    get_user_model().objects.count()
    telemetry.failed(ValueError("a secret of Ann's"))
"""


@pytest.mark.slow
def test_workers_trace_what_they_are_told_to(collector: Collector, tmp_path: Path, transactional_db: None) -> None:
    environment = process_environment(tmp_path, {telemetry.ENDPOINT: collector.url, "OTEL_SERVICE_NAME": "shop"})
    run = [sys.executable, "-c", SCRIPT]
    ended = subprocess.run(run, cwd=django_settings.BASE_DIR, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    [task] = [span for span in collector.spans() if span.name == "task keystone.example"]
    assert (task.service, task.is_failed) == ("shop", True)
    [statement] = [span for span in collector.spans() if span != task]
    assert (statement.kind, statement.parent, statement.is_failed) == (CLIENT, task.key, False)
    assert b"a secret of Ann's" not in collector.raw
    assert b"ValueError" in collector.raw


@pytest.mark.slow
def test_without_a_collector_nothing_of_it_is_loaded(tmp_path: Path) -> None:
    script = "import sys, config.wsgi; sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=django_settings.BASE_DIR, env=environment, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr


def test_without_a_collector_spans_are_free_of_charge() -> None:
    with telemetry.span("nothing"):
        telemetry.failed(ValueError())


def test_without_the_extra_one_line_says_what_to_do(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings.OTEL_EXPORTER_OTLP_ENDPOINT = "http://127.0.0.1:1"
    monkeypatch.setenv(telemetry.ENDPOINT, "http://127.0.0.1:1")
    monkeypatch.delitem(sys.modules, "keystone.observability.telemetry.tracing", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    telemetry.start("web")
    [line] = caplog.messages
    assert line.startswith("OTEL_EXPORTER_OTLP_ENDPOINT is set, but nothing is traced: the packages of the extra are")
    assert "uv sync --extra otel" in line
