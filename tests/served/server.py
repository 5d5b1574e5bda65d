"""Serving the application as in production, and calling it from many threads at once."""

import http.client
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlencode

import psutil
from django.conf import settings
from django.db import connection

PATIENCE = 10  # times that somebody comes again
START_LIMIT = 60  # seconds; machines that run tests are often busy


@dataclass(frozen=True)
class Answer:
    """What the server answered; the names of headers in lower case."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.text)

    @property
    def code(self) -> str:
        """The error's code; empty where there is none."""
        return str(self.json["error"]["code"]) if self.status >= 400 else ""

    @property
    def without_id(self) -> str:
        """The body without the id of the request, which differs in each error."""
        return self.text.replace(self.headers["x-request-id"], "")


class Server:
    """The application in processes of its own, on the test's database, its mails in a folder."""

    def __init__(
        self,
        folder: Path,
        *,
        application: str = "config.wsgi:application",
        environment: dict[str, str] | None = None,
        workers: int = 2,
        respawn_seconds: int = 10,
    ) -> None:
        """Prepare; `environment` is what the processes find in theirs beside the tests' settings."""
        folder.mkdir(parents=True, exist_ok=True)
        self.mail_folder = folder / "mails"
        self.log = folder / "server.log"
        self.application = application
        self.environment = environment or {}
        self.workers = workers
        self.respawn_seconds = respawn_seconds
        self.port = 0

    def start(self) -> None:
        """Start, and wait until it answers."""
        self.launch()
        deadline = time.monotonic() + START_LIMIT
        while True:
            try:
                if self.get("/api/health/live/").status == 200:
                    return
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(self.log.read_text())
            time.sleep(0.1)

    def launch(self) -> None:
        """Start without waiting; the second time at the same port."""
        self.port = self.port or free_port()
        environment = process_environment(self.mail_folder, self.environment)
        for name in [name for name in environment if name.startswith("COV")]:
            del environment[name]  # its coverage is not measured, which takes time: other tests run the same views
        command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1"]
        command += ["--port", str(self.port), "--workers", str(self.workers)]
        # A worker that is told to end while it loads does not hear it, and granian would wait for it without end.
        command += ["--workers-kill-timeout", "10", "--respawn-interval", str(self.respawn_seconds)]
        if "GRANIAN_BLOCKING_THREADS" not in self.environment:
            command += ["--blocking-threads", "12"]  # each has a connection of its own, of PostgreSQL's hundred
        command.append(self.application)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment, stdout=log, stderr=log)

    def stop(self) -> None:
        """End the processes."""
        self.process.terminate()
        self.process.wait(timeout=30)

    def kill(self) -> None:
        """End all of them as a crash of their machine would."""
        main = psutil.Process(self.process.pid)
        everybody = [main, *main.children(recursive=True)]  # it first, for it would start others
        for process in everybody:
            process.kill()
        self.process.wait(timeout=30)
        psutil.wait_procs(everybody, timeout=20)

    def forget_mails(self) -> None:
        """Empty the folder of mails."""
        for file in self.mail_folder.glob("*.eml"):
            file.unlink()

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """One request on a connection of its own."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            client.request(method, path, body, headers or {})
            response = client.getresponse()
            return _answer(response)
        finally:
            client.close()

    def get(self, path: str, headers: dict[str, str] | None = None) -> Answer:
        """GET."""
        return self.request("GET", path, headers=headers)

    def post(
        self, path: str, body: dict[str, Any], token: str = "", *, headers: dict[str, str] | None = None
    ) -> Answer:
        """POST JSON, with an access token where there is one."""
        return self.request_json("POST", path, body, token, headers=headers)

    def request_json(
        self, method: str, path: str, body: dict[str, Any], token: str = "", *, headers: dict[str, str] | None = None
    ) -> Answer:
        """Send JSON, with an access token where there is one."""
        headers = {"Content-Type": "application/json", **(headers or {})}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return self.request(method, path, json.dumps(body).encode(), headers)

    def browser(self) -> "Browser":
        """A browser without a picture: it keeps cookies and sends forms."""
        return Browser(self)

    def mails(self, address: str = "") -> list[Any]:
        """The mails in the folder, to `address` where it is given."""
        files = sorted(self.mail_folder.glob("*.eml"))
        mails = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]
        return [mail for mail in mails if not address or mail["To"] == address]


class Browser:
    """Cookies and forms, as the admin wants them."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.cookies: dict[str, str] = {}
        self.sessions: set[str] = set()  # every key of a session that it was ever given

    def send(self, method: str, path: str, fields: dict[str, str] | None = None) -> Answer:
        """Send a request; fields go as a form with the CSRF token of the last page."""
        if fields is None:
            return self._send(method, path, None, {})
        body = urlencode({"csrfmiddlewaretoken": self.cookies.get("csrftoken", ""), **fields}).encode()
        return self._send(method, path, body, {"Content-Type": "application/x-www-form-urlencoded"})

    def send_json(self, method: str, path: str, body: dict[str, Any]) -> Answer:
        """Send JSON, as the scripts of a page do."""
        token = self.cookies.get("csrftoken", "")
        headers = {"Content-Type": "application/json", "X-CSRFToken": token, "Referer": "http://127.0.0.1/"}
        return self._send(method, path, json.dumps(body).encode(), headers)

    def _send(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        client = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        try:
            client.request(method, path, body, {"Cookie": cookies, **headers})
            response = client.getresponse()
            for cookie in response.headers.get_all("Set-Cookie", []):
                name, _, value = cookie.split(";")[0].partition("=")
                self.cookies[name] = value
                if name == "sessionid":
                    self.sessions.add(value)
            return _answer(response)
        finally:
            client.close()

    def sign_in(self, email: str, password: str) -> Self:
        """Sign in to the admin."""
        self.send("GET", "/admin/login/")
        answer = self.send("POST", "/admin/login/?next=/admin/", {"username": email, "password": password})
        assert answer.status == 302, answer.text
        return self


def _answer(response: http.client.HTTPResponse) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status, headers, response.read().decode())


def at_once(calls: Sequence[Callable[[], Answer]], *, come_again: bool = True) -> list[Answer]:
    """Make all calls, released together, each from a thread of its own.

    Args:
        come_again: whether who is answered 503 comes again as told, for nothing was done: a busy machine answers so.
    """
    barrier = threading.Barrier(len(calls))

    def released(call: Callable[[], Answer]) -> Answer:
        barrier.wait(timeout=30)
        answer = call()
        for _try in range(PATIENCE if come_again else 0):
            if answer.status != 503:
                break
            time.sleep(int(answer.headers["retry-after"]))
            answer = call()
        return answer

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(released, calls))


def link_token(mail: Any, page: str = "verify-email") -> str:
    """The token of a mail's link."""
    found = re.search(rf"/{page}/([\w-]+)/", mail.get_body(("plain",)).get_content())
    assert found is not None
    return found.group(1)


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def process_environment(mail_folder: Path, environment: dict[str, str]) -> dict[str, str]:
    """The environment of a process that works on this test's database, with its mails in a folder."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("POSTGRES_")},
        "ENVIRONMENT": "testing",
        "DJANGO_SETTINGS_MODULE": "config.settings.testing",
        "DATABASE_URL": database_url(),
        "MAIL_FOLDER": str(mail_folder),
        "DECISION_UNDO_SECONDS": "0",
        **environment,
    }


def database_url() -> str:
    """The address of the database that this test runs on."""
    connection.ensure_connection()
    params = connection.get_connection_params()
    user, password = quote(params["user"], safe=""), quote(params.get("password") or "", safe="")
    host, port = quote(str(params["host"]), safe=""), params.get("port") or 5432
    return f"postgresql://{user}:{password}@:{port}/{quote(params['dbname'], safe='')}?host={host}"
