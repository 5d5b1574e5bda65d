"""`scripts/tests-start.sh`: tests inside a container see its servers, and nothing else that its services are set to."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from keystone.environment import env

SERVERS = {
    "POSTGRES_SERVER": "postgres",
    "POSTGRES_PASSWORD_FILE": "/run/pw",
    "REDIS_SERVER": "redis",
    "DATA_DIR": "/data",
}
OTHERS = {
    "PUBLIC_URL": "https://a.test",
    "SMTP_HOST": "mailpit",
    "SMTP_PASSWORD_FILE": "/run/pw",
    "ENVIRONMENT": "local",
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A repository whose tests say what they see. Other users get into it."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        place.chmod(0o755)
        scripts = place / "scripts"
        scripts.mkdir()
        shutil.copy(env.BASE_DIR / "scripts" / "tests-start.sh", scripts)
        shutil.copy(env.BASE_DIR / ".env.example", place)
        (scripts / "test.sh").write_text('echo "$@"\nenv\n')
        yield place


def started(folder: Path, *before: str) -> subprocess.CompletedProcess[str]:
    command = [*before, "bash", str(folder / "scripts" / "tests-start.sh"), "-x"]
    surroundings = {"PATH": os.environ["PATH"], **SERVERS, **OTHERS}
    return subprocess.run(command, env=surroundings, capture_output=True, text=True)


def test_tests_in_a_container_see_its_servers_alone(folder: Path) -> None:
    arguments, *lines = started(folder).stdout.splitlines()
    seen = dict(line.split("=", 1) for line in lines)
    assert arguments == "-x"
    assert {name: seen.get(name) for name in SERVERS} == SERVERS
    assert sorted(OTHERS.keys() & seen.keys()) == []


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="takes another user")
def test_a_folder_of_another_user_is_told_with_what_mends_it(folder: Path) -> None:
    done = started(folder, "setpriv", "--reuid=12345", "--regid=12345", "--clear-groups")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(
        "This folder belongs to the user 0, and this container writes as 12345: see DOCKER_USER_ID"
    )
