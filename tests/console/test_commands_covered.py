"""Every command and option has a line in docs/kcli.md, and a test that uses it."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import get_commands, load_command_class
from typer.main import get_command as click_command

pytestmark = pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning")
OURS = sorted(
    name for name, app in get_commands().items() if app == "keystone" and name not in {"procrastinate", "runserver"}
)
DJANGOS = {
    "--help", "--version", "--settings", "--pythonpath", "--traceback", "--no-color", "--force-color", "--skip-checks",
    "--verbosity", "--show-locals", "--hide-locals",
}  # fmt: skip


def commands(name: str, found: Any = None) -> Iterator[tuple[str, list[list[str]]]]:
    """Each command of a group by its whole name, with its options, the spellings of each."""
    if found is None:
        group: Any = load_command_class("keystone", name)
        found = click_command(group.typer_app)
    children = getattr(found, "commands", None)
    if children:
        for child, command in children.items():
            yield from commands(f"{name} {child}", command)
        return
    options = [
        [*parameter.opts, *parameter.secondary_opts]
        for parameter in found.params
        if not getattr(parameter, "hidden", False)
    ]
    yield name, [spellings for spellings in options if spellings[0].startswith("-") and DJANGOS.isdisjoint(spellings)]


@cache
def documented() -> str:
    return (settings.BASE_DIR / "docs" / "kcli.md").read_text()


@cache
def sources() -> list[str]:
    """The sources of the tests of commands, which name them."""
    folder = Path(__file__).parents[1]
    return [file.read_text() for file in sorted(folder.rglob("*.py")) if file != Path(__file__)]


def section(name: str) -> str:
    """What the document says of one command: the line of the table that begins with it."""
    lines = [line for line in documented().splitlines() if re.match(rf"\| `{re.escape(name)}[` ]", line)]
    return "\n".join(lines)


@pytest.mark.parametrize("group", OURS)
def test_every_command_and_option_is_documented(group: str) -> None:
    missing = []
    for name, options in commands(group):
        text = section(name)
        if not text:
            missing.append(name)
        unsaid = [spellings for spellings in options if text and not any(option in text for option in spellings)]
        missing += [f"{name} {spellings[0]}" for spellings in unsaid]
    assert missing == []


@pytest.mark.parametrize("group", OURS)
def test_every_command_and_option_is_tested(group: str) -> None:
    missing = []
    for name, options in commands(group):
        words = name.split()
        # A test names a command by its words, each a string of its own or all in one.
        pattern = re.compile(rf'"{words[-1]}"|\b{re.escape(name)}\b|\b{re.escape(" ".join(words[1:]) or name)}\b')
        using = [text for text in sources() if pattern.search(text)]
        if not using:
            missing.append(name)
        unused = [names for names in options if not any(option in text for text in using for option in names)]
        missing += [f"{name} {spellings[0]}" for spellings in unused]
    assert missing == []
