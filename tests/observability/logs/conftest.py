"""The log as the settings of tests set it up, read from stderr."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from keystone.observability.logs.configuring import install_sinks


class Written:
    """What was written to stderr since the test began."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys
        self.text = ""

    def getvalue(self) -> str:
        """All of it."""
        self.text += self.capsys.readouterr().err
        return self.text

    def entries(self) -> list[dict[str, Any]]:
        """Its lines as JSON; one that is none fails."""
        return [json.loads(line) for line in self.getvalue().splitlines()]


@pytest.fixture
def log(capsys: pytest.CaptureFixture[str]) -> Written:
    """The lines for people."""
    return Written(capsys)


@pytest.fixture
def json_log(log: Written) -> Iterator[Written]:
    """The lines for machines."""
    install_sinks("json", None)
    yield log
    install_sinks("lines", None)
