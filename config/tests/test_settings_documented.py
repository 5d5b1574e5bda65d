"""The README's table of settings and `.env.example` name what is read, all of it and nothing else."""

import ast
import inspect
import re
from collections import defaultdict
from dataclasses import fields
from datetime import timedelta
from pathlib import Path

from django.conf import settings

from config import env
from keystone.conf import Options

# Read by the typed readers; a reader is a function of `config.env` whose first argument is the name.
READERS = frozenset(
    name
    for name, function in inspect.getmembers(env, inspect.isfunction)
    if function.__module__ == env.__name__ and next(iter(inspect.signature(function).parameters), "") == "name"
)
# What only the settings of tests read is no operator's.
SOURCES = [
    env.BASE_DIR / "config" / "env.py",
    *(path for path in (env.BASE_DIR / "config" / "settings").glob("*.py") if path.name != "testing.py"),
]
ROW = re.compile(r"^\| `([A-Z][A-Z0-9_]+)` \|([^|]*)\|[^|]*\|$", re.MULTILINE)
UNKNOWN = object()


def read_settings() -> dict[str, list[object]]:
    """The variables that the sources read, each with its defaults; `UNKNOWN` is one that is computed."""
    found: dict[str, list[object]] = defaultdict(list)
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and _reader(node, path) and isinstance(node.args[0], ast.Constant):
                found[str(node.args[0].value)].append(_default(node))
    return dict(found)


def _reader(call: ast.Call, path: Path) -> bool:
    match call.func:
        case ast.Attribute(value=ast.Name(id="env"), attr=name):
            return name in READERS
        case ast.Name(id=name):
            return name in READERS and path.name == "env.py"
    return False


def _default(call: ast.Call) -> object:
    given = [*call.args[1:2], *(keyword.value for keyword in call.keywords if keyword.arg == "default")]
    try:
        return ast.literal_eval(given[0]) if given else ""
    except ValueError:
        return UNKNOWN


def section(heading: str) -> str:
    """The text of the README below a heading, up to the next of its level or above."""
    text = (env.BASE_DIR / "README.md").read_text()
    level, _, _ = heading.partition(" ")
    [found] = re.findall(rf"^{re.escape(heading)}\n(.*?)(?=^#{{1,{len(level)}}} |\Z)", text, re.MULTILINE | re.DOTALL)
    return str(found)


def rows(heading: str) -> dict[str, str]:
    """The names that a table of the README has, with the column of their defaults."""
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


def test_the_readme_names_every_variable_that_is_read() -> None:
    missing = sorted(set(read_settings()) - set(rows("## Settings")))
    assert missing == [], "add a row to the table of README.md, section Settings"


def test_the_readme_names_no_variable_that_nothing_reads() -> None:
    assert sorted(set(rows("## Settings")) - set(read_settings()) - set(rows("### Options without a variable"))) == []


def test_the_example_file_names_every_variable_that_is_read() -> None:
    missing = sorted(set(read_settings()) - set(example_names()))
    assert missing == [], "add a line to .env.example"


def test_the_example_file_names_no_variable_twice_and_none_that_nothing_reads() -> None:
    names = example_names()
    assert sorted(name for name in set(names) if names.count(name) > 1) == []
    assert sorted(set(names) - set(read_settings())) == []


def test_the_readme_gives_the_defaults_that_the_code_has() -> None:
    # A default that is computed, or differs between the environments, is said in words.
    in_code = {name: defaults[0] for name, defaults in read_settings().items() if _is_one(defaults)}
    in_readme = rows("## Settings")
    assert {name: in_readme.get(name) for name in in_code} == {name: _written(value) for name, value in in_code.items()}


def _is_one(defaults: list[object]) -> bool:
    return UNKNOWN not in defaults and len({repr(default) for default in defaults}) == 1


def _written(default: object) -> str:
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return "" if default in ("", [], None) else f"`{default}`"


def test_the_readme_names_the_options_that_have_no_variable() -> None:
    without = {field.name.upper(): field.default for field in fields(Options)}
    for name in settings.KEYSTONE:
        without.pop(name, None)
    documented = rows("### Options without a variable")
    assert sorted(documented) == sorted(without), "mend the small table of README.md, section Settings"
    for name, default in without.items():
        shown = f"`{default!r}`".replace("datetime.", "") if isinstance(default, timedelta) else _written(default)
        assert documented[name] == shown
