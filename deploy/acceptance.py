#!/usr/bin/env python3
"""The main job, end to end, from the image: prestart, web, worker and scheduler in containers of their own.

It needs nothing but Python, a runner, and a PostgreSQL and a Redis on this machine that ask for no password:
    python deploy/acceptance.py IMAGE [--runner docker|buildah] [--postgres HOST[:PORT]] [--redis HOST[:PORT[/DB]]]

Somebody registers, gets a mail, proves the address, is told to wait, is approved, gets a mail and signs in. The
database is made for it and dropped. It prints each step, and ends with 1 where one fails.
"""

import argparse
import email.policy
import gzip
import http.client
import json
import re
import secrets
import socket
import socketserver
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from acceptance_runners import RUNNERS, Container

HOST = "keystone.test"
ADMIN, PERSON = "admin@keystone.test", "maria@keystone.test"
READY_WITHIN, MAIL_WITHIN = 90, 60  # seconds


class Sink(socketserver.ThreadingTCPServer):
    """Takes mails by SMTP and keeps them."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Conversation)
        self.mails: list[EmailMessage] = []


class Conversation(socketserver.StreamRequestHandler):
    """One connection of RFC 5321, as far as a client needs it."""

    def handle(self) -> None:
        """Say yes to everything."""
        self.wfile.write(b"220 sink\r\n")
        while line := self.rfile.readline():
            word = line[:4].upper()
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                lines = iter(self.rfile.readline, b".\r\n")
                text = b"".join(one.removeprefix(b".") if one.startswith(b"..") else one for one in lines)
                mail = email.message_from_bytes(text, policy=email.policy.default)
                assert isinstance(self.server, Sink) and isinstance(mail, EmailMessage)  # noqa: S101, PT018 - for mypy
                self.server.mails.append(mail)
            self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 yes\r\n")
            if word == b"QUIT":
                return


class Site:
    """The web container, asked as a proxy would ask it that has taken the TLS off."""

    def __init__(self, port: int) -> None:
        self.port = port

    def get(self, path: str, **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
        """An answer, and its body."""
        return self._ask("GET", path, None, headers)

    def post(self, path: str, body: dict[str, str], token: str = "") -> dict[str, Any]:
        """What the API answers, with its `status`."""
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        response, answer = self._ask("POST", f"/api/{path}", json.dumps(body).encode(), headers)
        return {"http": response.status, **json.loads(answer)}

    def read(self, path: str, token: str = "") -> dict[str, Any]:
        """What the API has at a path."""
        response, answer = self.get(f"/api/{path}", **({"Authorization": f"Bearer {token}"} if token else {}))
        return {"http": response.status, **json.loads(answer)}

    def _ask(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[http.client.HTTPResponse, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        forwarded = {"Host": HOST, "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7"}
        try:
            connection.request(method, path, body, forwarded | headers)
            response = connection.getresponse()
            return response, response.read()
        finally:
            connection.close()


def main() -> int:
    """Run all of it."""
    arguments = _arguments()
    database = f"keystone_acceptance_{secrets.token_hex(4)}"
    with _sink() as sink, tempfile.TemporaryDirectory(prefix="keystone-acceptance-") as folder:
        keys = Path(folder)
        keys.chmod(0o755)
        password = secrets.token_urlsafe(24)
        for name, value in (("secret_key", secrets.token_urlsafe(64)), ("first_superuser_password", password)):
            (keys / name).write_text(f"{value}\n")
        port = _free_port()
        environment = _environment(arguments, database, sink, port)
        containers: dict[str, Container] = {}
        try:
            for role in ("prestart", "web", "worker", "scheduler"):
                containers[role] = RUNNERS[arguments.runner](arguments.image, role, environment, keys)
            first = containers["prestart"]
            _psql(first, arguments, f'CREATE DATABASE "{database}"')
            _walk(containers, Site(port), sink, password)
            _end(containers)
        except Exception:
            for role, container in containers.items():
                sys.stderr.write(f"--- {role}\n{container.said()[-3000:]}\n")
            raise
        finally:
            for role in ("web", "worker", "scheduler"):
                if role in containers:
                    containers[role].remove()
            if "prestart" in containers:
                _psql(containers["prestart"], arguments, f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
                containers["prestart"].remove()
    print("The image carries the main job from end to end.")
    return 0


def _walk(containers: dict[str, Container], site: Site, sink: Sink, password: str) -> None:
    prestart, web = containers["prestart"], containers["web"]
    _say("who runs", _is(prestart.run("id", "-u").strip(), "10001"))
    _say("prestart", prestart.run("entrypoint", "prestart").strip().replace("\n", " "))
    begun = time.monotonic()
    for role in ("web", "worker", "scheduler"):
        containers[role].start(role)
    _until(lambda: _is_up(site), READY_WITHIN, "the web container answers")
    _until(
        lambda: all(_is_healthy(containers[role]) for role in ("web", "worker", "scheduler")), READY_WITHIN, "health"
    )
    ready = _until(lambda: _all_ok(site.read("health/ready/")), READY_WITHIN, "ready says ok")
    _say("ready", f"after {time.monotonic() - begun:.1f} s: {ready['checks']}")
    _static(site)

    person = {"email": PERSON, "password": secrets.token_urlsafe(16), "first_name": "Maria"}
    signing_in = {key: person[key] for key in ("email", "password")}
    _say("registered", _is(site.post("auth/register/", person)["http"], 202))
    mail = _mail(sink, PERSON, r"verify-email/([A-Za-z0-9_-]{20,})")
    _say("verified", _is(site.post("auth/verify-email/", {"token": mail})["status"], "pending_admin_approval"))
    _say("not let in", _is(site.post("auth/login/", signing_in)["error"]["code"], "approval_pending"))
    admin = site.post("auth/login/", {"email": ADMIN, "password": password})["access"]
    found = site.read(f"users/?search={PERSON}", admin)["results"]
    _say("approved", _is(site.post(f"users/{found[0]['id']}/approve/", {"reason": "Welcome!"}, admin)["http"], 200))
    _mail(sink, PERSON, r"(Welcome!)")
    _say("told", "the mail of the approval has come")
    access = site.post("auth/login/", signing_in)["access"]
    _say("signed in", _is(site.read("me/", access)["email"], PERSON))

    backup = web.run("manage.py", "db", "backup", "create", "--folder", "/tmp/backups")  # noqa: S108 - the container's
    _say("backed up", backup.strip().replace("\n", " ")[:160])


def _static(site: Site) -> None:
    """A style sheet of the admin, found by its page, is served hashed and compressed."""
    _, page = site.get("/admin/login/")
    sheets = re.findall(rb'href="(/static/[^"]+\.[0-9a-f]{12}\.css)"', page)
    response, body = site.get(sheets[0].decode(), **{"Accept-Encoding": "gzip"})
    _is((response.status, response.headers["Content-Encoding"]), (200, "gzip"))
    assert "immutable" in response.headers["Cache-Control"]  # noqa: S101 - what is to be shown
    _say("static", f"{sheets[0].decode()}: {len(body)} bytes of {len(gzip.decompress(body))}")


def _end(containers: dict[str, Container]) -> None:
    for role in ("web", "worker", "scheduler"):
        begun = time.monotonic()
        status = containers[role].end()
        _say(f"{role} ended", f"with {_is(status, 0)} after {time.monotonic() - begun:.1f} s")
    _say("written to the image", _is([path for one in containers.values() for path in one.written()], []))


def _environment(arguments: argparse.Namespace, database: str, sink: Sink, port: int) -> dict[str, str]:
    host, _, database_port = arguments.postgres.partition(":")
    redis, _, number = arguments.redis.partition("/")
    redis_host, _, redis_port = redis.partition(":")
    return {
        "ALLOWED_HOSTS": HOST,
        "PUBLIC_URL": f"https://{HOST}",
        "TRUSTED_PROXIES": "1",
        "PORT": str(port),
        "SECRET_KEY_FILE": "/run/secrets/secret_key",
        "POSTGRES_SERVER": host,
        "POSTGRES_PORT": database_port or "5432",
        "POSTGRES_USER": arguments.user,
        "POSTGRES_DB": database,
        "CACHE_ENABLED": "true",
        "REDIS_SERVER": redis_host,
        "REDIS_PORT": redis_port or "6379",
        "REDIS_DB": number or "0",
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(sink.server_address[1]),
        "SMTP_TLS": "false",
        "EMAILS_FROM_EMAIL": f"no-reply@{HOST}",
        "FIRST_SUPERUSER": ADMIN,
        "FIRST_SUPERUSER_PASSWORD_FILE": "/run/secrets/first_superuser_password",
        "TWO_FACTOR_REQUIRED": "false",  # the way of a person is shown here; the browser tests show the second factor
    }


def _psql(container: Container, arguments: argparse.Namespace, statement: str) -> None:
    host, _, port = arguments.postgres.partition(":")
    address = ["--host", host, "--port", port or "5432", "--username", arguments.user, "--dbname", "postgres"]
    container.run("psql", "--no-psqlrc", "--quiet", *address, "--command", statement)


def _mail(sink: Sink, address: str, pattern: str) -> str:
    def found() -> str:
        for mail in sink.mails:
            body = mail.get_body(("plain",))
            if address in str(mail["To"]) and body and (match := re.search(pattern, body.get_content())):
                return match[1]
        return ""

    return _until(found, MAIL_WITHIN, f"a mail to {address} with {pattern}")


def _is_up(site: Site) -> bool:
    try:
        return bool(site.read("health/live/")["http"] == 200)
    except (OSError, http.client.HTTPException):
        return False


def _is_healthy(container: Container) -> bool:
    try:
        container.run("healthcheck")
    except RuntimeError:
        return False
    return True


def _all_ok(ready: dict[str, Any]) -> dict[str, Any]:
    return ready if set(ready["checks"].values()) == {"ok"} else {}


def _until[T](found: Callable[[], T], seconds: float, what: str) -> T:
    end = time.monotonic() + seconds
    while not (result := found()):
        if time.monotonic() > end:
            raise RuntimeError(f"Not within {seconds:g} s: {what}")
        time.sleep(0.5)
    return result


def _is[T](found: T, expected: T) -> T:
    if found != expected:
        raise RuntimeError(f"{found!r} is not {expected!r}")
    return found


def _say(what: str, how: object) -> None:
    print(f"{what:<22}{how}", flush=True)


@contextmanager
def _sink() -> Iterator[Sink]:
    with Sink() as sink:
        thread = threading.Thread(target=sink.serve_forever, daemon=True)
        thread.start()
        try:
            yield sink
        finally:
            sink.shutdown()
            thread.join()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("image")
    parser.add_argument("--runner", choices=RUNNERS, default="docker")
    parser.add_argument("--postgres", default="127.0.0.1:5432", metavar="HOST[:PORT]")
    parser.add_argument("--user", default="postgres", help="of PostgreSQL; it makes a database")
    parser.add_argument("--redis", default="127.0.0.1:6379/0", metavar="HOST[:PORT[/DB]]")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
