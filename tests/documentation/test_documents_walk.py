"""The walk of the README, from registration to a signed-in request, is walked as it stands there."""

import os
import re
import shutil
import subprocess

import pytest

from keystone.development.administrator import EMAIL, PASSWORD
from keystone.environment.env import BASE_DIR
from keystone.testing.factories import UserFactory
from tests.documentation.documents import Code, blocks
from tests.served.conftest import _servers, serve, served  # noqa: F401 - fixtures
from tests.served.server import Server

pytestmark = [
    pytest.mark.served,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on this machine"),
]
PATIENCE = 120  # seconds; the machine may be busy
HOST, FOLDER = "http://localhost:8000", ".data/mails"


def walk() -> Code:
    """The block of the README."""
    [found] = [block for block in blocks("bash", documents=[BASE_DIR / "README.md"]) if "auth/register/" in block.text]
    return found


def told(text: str) -> list[str]:
    """The answers that the comments tell of, as patterns: `…` stands for anything."""
    comments = re.findall(r"# (\{.*\})", text)
    return [re.escape(comment).replace("…", ".*").replace(r",\ .*", ",.*") for comment in comments]


def test_the_walk_of_the_readme_leads_where_it_says(served: Server) -> None:  # noqa: F811 - the fixture
    UserFactory(email=EMAIL, password=PASSWORD, is_staff=True, is_superuser=True)
    block = walk().text
    assert (HOST in block, FOLDER in block) == (True, True)
    commands = block.replace(HOST, f"http://127.0.0.1:{served.port}").replace(FOLDER, str(served.mail_folder))
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    walked = subprocess.run(
        ["bash", "-eu", "-c", commands], env=environment, capture_output=True, text=True, timeout=PATIENCE
    )
    assert (walked.returncode, walked.stderr) == (0, "")
    answers = walked.stdout.splitlines()
    registered, verified, early, approved, me, pair, used = answers
    expected = told(block)
    assert len(expected) == 4
    for answer, pattern in zip((registered, verified, early, used), expected, strict=True):
        assert re.fullmatch(pattern, answer), (answer, pattern)
    assert '"status":"active"' in approved
    assert '"email":"maria@example.com"' in me
    assert '"access":"' in pair
