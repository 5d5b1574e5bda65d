"""The image: its Dockerfile, what it takes as its command, and how it tells that it is well."""

import fnmatch
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from keystone.environment import env

DOCKERFILE = env.BASE_DIR / "Dockerfile"
IMAGE = env.BASE_DIR / "deploy" / "image"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a `manage.py` that says what it was asked, and by which process."""
    stub = tmp_path / "manage.py"
    stub.write_text('#!/bin/sh\necho $$ "$@"\n')
    stub.chmod(0o755)
    return tmp_path


def started(place: Path, *words: str, **surroundings: str) -> tuple[bool, str]:
    """Whether what the entrypoint started took its place, and what that was asked."""
    environment = {"PATH": f"{place}:{os.environ['PATH']}", "TMPDIR": str(place), **surroundings}
    command = ["sh", str(IMAGE / "entrypoint.sh"), *words]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        said, _ = process.communicate(timeout=30)
    number, _, asked = said.strip().partition(" ")
    return number == str(process.pid), asked


@pytest.mark.parametrize(
    ("words", "asked", "role"),
    [
        (["web", "--reload"], "server run --host 0.0.0.0 --port 8000 --workers 1 --reload", "web"),
        (["worker", "--queues", "mail"], "worker --health-file {}/worker.ready --queues mail", "worker"),
        (["scheduler"], "scheduler --health-file {}/scheduler.ready", "scheduler"),
        (["prestart", "--seed"], "server prestart --seed", None),
        (["manage.py", "user", "create", "--is-superuser"], "user create --is-superuser", None),
    ],
)
def test_a_word_is_the_command_of_its_role(place: Path, words: list[str], asked: str, role: str | None) -> None:
    assert started(place, *words, WEB_WORKERS="1") == (True, asked.format(place))
    noted = place / "role"
    assert (noted.read_text().strip() if noted.exists() else None) == role


def test_web_is_the_default_and_takes_its_port_and_workers_from_the_environment(place: Path) -> None:
    assert started(place, PORT="9000", WEB_WORKERS="5") == (
        True,
        "server run --host 0.0.0.0 --port 9000 --workers 5",
    )
    _, asked = started(place)
    assert re.fullmatch(r"server run --host 0\.0\.0\.0 --port 8000 --workers [12]", asked)


def test_a_worker_that_starts_anew_is_not_ready_by_what_the_last_one_left(place: Path) -> None:
    (place / "worker.ready").touch()
    started(place, "worker")
    assert not (place / "worker.ready").exists()


@pytest.mark.slow
def test_the_first_process_of_a_container_ends_when_it_is_told_to() -> None:
    alone = ["unshare", "--pid", "--fork", "--kill-child"]
    if shutil.which("unshare") is None or subprocess.run([*alone, "true"], capture_output=True).returncode:
        pytest.skip("no process may be the first one here")
    nowhere = {"DATABASE_URL": "", "POSTGRES_SERVER": "127.0.0.1", "POSTGRES_PORT": "1"}
    surroundings = {"PATH": os.environ["PATH"], "ENVIRONMENT": "local", "PYTHONUNBUFFERED": "1", **nowhere}
    command = [*alone, sys.executable, "manage.py", "server", "prestart"]
    with subprocess.Popen(command, cwd=env.BASE_DIR, env=surroundings, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            assert process.stderr.readline().startswith("Attempt 1 of ")
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            os.kill(int(children[0]), signal.SIGTERM)
            assert process.wait(timeout=30) == 128 + signal.SIGTERM
        finally:
            process.kill()


def health(place: Path, **surroundings: str) -> tuple[int, str]:
    command = [sys.executable, "-I", str(IMAGE / "healthcheck.py")]
    done = subprocess.run(command, env={"TMPDIR": str(place), **surroundings}, capture_output=True, text=True)
    return done.returncode, done.stderr.strip()


def test_a_worker_is_healthy_while_it_gives_signs_of_life(tmp_path: Path) -> None:
    (tmp_path / "role").write_text("worker\n")
    assert health(tmp_path) == (1, "not ready")
    file = tmp_path / "worker.ready"
    file.touch()
    assert health(tmp_path) == (0, "")
    long_ago = time.time() - 60
    os.utime(file, (long_ago, long_ago))
    assert health(tmp_path) == (1, "no sign of life for 60 s")


def test_what_ends_by_itself_is_healthy(tmp_path: Path) -> None:
    assert health(tmp_path) == (0, "")


class Site(BaseHTTPRequestHandler):
    """Answers to one name only, as Keystone does."""

    def do_GET(self) -> None:
        is_known = (self.path, self.headers["Host"]) == ("/api/health/live/", "keystone.test")
        self.send_response(200 if is_known else 400)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def site_port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_web_is_healthy_while_it_answers_to_its_name(tmp_path: Path, site_port: int) -> None:
    (tmp_path / "role").write_text("web\n")
    port = str(site_port)
    for hosts in ("keystone.test", ".keystone.test, other.test", '["keystone.test", "other.test"]'):
        assert health(tmp_path, PORT=port, ALLOWED_HOSTS=hosts) == (0, "")
    (tmp_path / "hosts").write_text("keystone.test\nother.test\n")
    assert health(tmp_path, PORT=port, ALLOWED_HOSTS_FILE=f"{tmp_path}/hosts") == (0, "")
    assert health(tmp_path, PORT=port) == (1, "answered 400 to localhost")
    status, said = health(tmp_path, PORT="1")
    assert (status, said[:10]) == (1, "no answer:")


def test_hadolint_finds_nothing() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, DOCKERFILE], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def instructions(word: str) -> list[str]:
    """The arguments of an instruction, wherever it stands."""
    text = DOCKERFILE.read_text().replace("\\\n", " ")
    return [" ".join(found.split()) for found in re.findall(rf"^{word} (.*)$", text, re.MULTILINE)]


def test_what_is_deployed_is_the_default_closed_and_nobody_in_particular() -> None:
    assert instructions("FROM")[-1] == "base AS production"
    assert instructions("USER")[-1] == "${USER_ID}:${USER_ID}"
    assert {line for line in instructions("ARG") if line.startswith("USER_ID")} == {"USER_ID=10001"}
    assert "ENVIRONMENT=production" in instructions("ENV")[0]


def test_no_layer_holds_a_secret() -> None:
    secret = re.compile(r"(KEY|PASSWORD|SECRET|TOKEN|DSN|CREDENTIALS)\b")
    kept = [line for word in ("ARG", "ENV", "LABEL") for line in instructions(word)]
    assert [line for line in kept if secret.search(line)] == []
    [drawn] = [line for line in instructions("RUN") if "SECRET_KEY" in line]
    assert 'SECRET_KEY="$(python -c' in drawn


def test_only_what_is_named_reaches_the_build() -> None:
    lines = [line for line in (env.BASE_DIR / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert lines[0] == "*"
    allowed = {line.removeprefix("!") for line in lines if line.startswith("!")}
    assert not any(fnmatch.fnmatch(".env", name) for name in allowed)
    assert sorted(name for name in allowed if not (env.BASE_DIR / name).exists()) == []
    assert "**/.env*" in lines
    for line in instructions("COPY"):
        words = [word for word in line.split() if not word.startswith("--")]
        if "--from=" not in line and words[0] != ".":
            assert all(any(Path(word).is_relative_to(name) for name in allowed) for word in words[:-1])


def test_no_file_that_holds_secrets_reaches_the_build() -> None:
    lines = (env.BASE_DIR / ".dockerignore").read_text().splitlines()
    folders = [line.removeprefix("!") for line in lines if line.startswith("!")]
    ignored = [path for path in env.BASE_DIR.glob("deploy/**/.gitignore") if path.read_text().strip()]
    assert ignored  # secrets.env of an overlay
    assert [path for path in ignored if any(path.is_relative_to(env.BASE_DIR / name) for name in folders)] == []
