"""Figures that tests measure and do not judge: collected from every process of the run, and printed at its end."""

from collections.abc import Callable
from typing import Any

import pytest

MEASURED = "measured"
Measured = Callable[[str], None]


@pytest.fixture
def measured(record_property: Callable[[str, object], None]) -> Measured:
    """Keeps a line for the summary of the run."""
    return lambda line: record_property(MEASURED, line)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the lines, in the order of the tests' names."""
    reports = [report for report in terminalreporter.getreports("passed") if report.when == "call"]
    lines = [
        str(value)
        for report in sorted(reports, key=lambda report: str(report.nodeid))
        for name, value in report.user_properties
        if name == MEASURED
    ]
    if lines:
        terminalreporter.section("measured")
        for line in lines:
            terminalreporter.write_line(line)
