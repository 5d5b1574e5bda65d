"""`docs/settings.md` and `.env.example` name what is read, all of it and nothing else."""

import ast
import re
from collections import defaultdict
from dataclasses import fields
from datetime import timedelta

from django.conf import settings

from keystone.conf import Options
from keystone.environment import env
from keystone.environment.variable_finder import READERS, SOURCES, Reading, readings

ROW = re.compile(r"^\| `([A-Z][A-Z0-9_]+)` \|([^|]*)\|[^|]*\|$", re.MULTILINE)
UNKNOWN = object()


def read_settings() -> dict[str, list[object]]:
    """The variables that Keystone's settings read, each with its defaults; `UNKNOWN` is one that is computed."""
    found: dict[str, list[object]] = defaultdict(list)
    for reading in readings():
        if reading.path in SOURCES:  # not the project's own
            found[reading.name].append(_default(reading))
    return dict(found)


def _default(reading: Reading) -> object:
    try:
        return ast.literal_eval(reading.given_default) if reading.given_default else ""
    except ValueError:
        return UNKNOWN


def section(heading: str) -> str:
    """The text of the page below a heading, up to the next of its level or above."""
    text = (env.BASE_DIR / "docs" / "settings.md").read_text()
    level, _, _ = heading.partition(" ")
    [found] = re.findall(rf"^{re.escape(heading)}\n(.*?)(?=^#{{1,{len(level)}}} |\Z)", text, re.MULTILINE | re.DOTALL)
    return str(found)


def rows(heading: str) -> dict[str, str]:
    """The names that a table of the page has, with the column of their defaults."""
    found = ROW.findall(section(heading))
    assert len(found) == len({name for name, _ in found}), "a row stands twice"
    return {name: default.strip() for name, default in found}


def example_names() -> list[str]:
    """The variables of `.env.example`, commented out or not."""
    return re.findall(r"^#?([A-Z][A-Z0-9_]+)=", (env.BASE_DIR / ".env.example").read_text(), re.MULTILINE)


def test_the_readers_are_found() -> None:
    assert {"text", "line", "flag", "number", "words", "choice", "url", "origins"} <= READERS
    found = read_settings()
    assert {"ENVIRONMENT", "DATABASE_URL", "POSTGRES_DB", "SECRET_KEY", "REDIS_PORT"} <= set(found)
    assert found["REDIS_PORT"] == [6379]


def test_the_page_names_every_variable_that_is_read() -> None:
    missing = sorted(set(read_settings()) - set(rows("# Settings")))
    assert missing == [], "add a row to the table of docs/settings.md"


def test_the_page_names_no_variable_that_nothing_reads() -> None:
    assert sorted(set(rows("# Settings")) - set(read_settings()) - set(rows("## Options without a variable"))) == []


def test_the_example_file_names_every_variable_that_is_read() -> None:
    missing = sorted(set(read_settings()) - set(example_names()))
    assert missing == [], "add a line to .env.example"


def test_the_example_file_names_no_variable_twice_and_none_that_nothing_reads() -> None:
    names = example_names()
    assert sorted(name for name in set(names) if names.count(name) > 1) == []
    assert sorted(set(names) - set(read_settings())) == []


def test_the_page_gives_the_defaults_that_the_code_has() -> None:
    # A default that is computed, or differs between the environments, is said in words.
    in_code = {name: defaults[0] for name, defaults in read_settings().items() if _is_one(defaults)}
    shown = rows("# Settings")
    assert {name: shown.get(name) for name in in_code} == {name: _written(value) for name, value in in_code.items()}


def _is_one(defaults: list[object]) -> bool:
    return UNKNOWN not in defaults and len({repr(default) for default in defaults}) == 1


def _written(default: object) -> str:
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return "" if default in ("", [], None) else f"`{default}`"


def test_the_page_names_the_options_that_have_no_variable() -> None:
    without = {field.name.upper(): field.default for field in fields(Options)}
    for name in settings.KEYSTONE:
        without.pop(name, None)
    documented = rows("## Options without a variable")
    assert sorted(documented) == sorted(without), "mend the small table of docs/settings.md"
    for name, default in without.items():
        shown = f"`{default!r}`".replace("datetime.", "") if isinstance(default, timedelta) else _written(default)
        assert documented[name] == shown
