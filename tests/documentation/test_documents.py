"""What the documents name is there: commands, options, settings, files, anchors; and their blocks of code parse."""

import importlib
import json
import re
import subprocess
import tomllib
from configparser import ConfigParser
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, get_commands, load_command_class
from django.db import connection
from django_typer.management import TyperCommand
from typer._click.exceptions import UsageError
from typer.main import get_command as click_command

from keystone.environment.env import BASE_DIR
from keystone.environment.files import file_values
from keystone.environment.variable_finder import readings
from tests.documentation.documents import DOCUMENTS, HEREDOC, Code, anchors, blocks, commands_of, links, spans

pytestmark = pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning")
GROUPS = ("data", "db", "email", "server", "user")
FOLDERS = "config|keystone|project|scripts|docs|deploy|benchmarks|templates|.ci|.devcontainer"
FILE = re.compile(rf"(?:\./)?((?:{FOLDERS})/[\w./-]*\w/?)")
SOURCE = re.compile(r"[a-z_]+/[a-z_/]+\.(?:py|sh|html|mjml)")
DOTTED = re.compile(r"(?:keystone|project|config)(?:\.\w+){2,}")
ASSIGNED = re.compile(r"(?<![\w$.-])([A-Z][A-Z0-9_]+)=")
# Variables of the programs around us, which they document themselves.
FOREIGN = ("COMPOSE_", "DOCKER_", "GRANIAN_", "OTEL_", "PG", "UV_", "PROMETHEUS_")
PLACEHOLDER = ("…", "*", "<", "GROUP", "$")
SHELLS = blocks("bash", "sh", "shell")


@cache
def known_variables() -> set[str]:
    """What the settings read, and what our own files for containers do."""
    found = {reading.name for reading in readings()}
    files = [BASE_DIR / "Dockerfile", *BASE_DIR.glob("compose*.yaml"), *(BASE_DIR / "deploy").rglob("*")]
    text = "\n".join(path.read_text() for path in files if path.is_file())
    return found | {f"{name}_FILE" for name in found} | set(re.findall(r"\b[A-Z][A-Z0-9_]{2,}\b", text))


@cache
def code() -> str:
    """All that is written here beside the documents, in one text."""
    files = [path for folder in ("config", "keystone", "project", "deploy") for path in (BASE_DIR / folder).rglob("*")]
    return "\n".join(path.read_text() for path in files if path.suffix in {".py", ".yaml", ".sh", ".json", ".env"})


@cache
def command(name: str) -> Any:
    """A command of `manage.py`; None where there is none."""
    app = get_commands().get(name)
    return None if app is None else load_command_class(str(app), name)


def fault_of(words: list[str]) -> str:
    """Why a command line would be refused; empty where it would not be."""
    name, *arguments = words
    found = command(name)
    if found is None:
        return f"there is no command {name}"
    try:
        if isinstance(found, TyperCommand):
            _parse(click_command(found.typer_app), name, arguments, django_command=found)
        else:
            found.create_parser("manage.py", name).parse_args(arguments)
    except UsageError as error:
        return error.format_message()
    except CommandError as error:
        return str(error)
    return ""


def _parse(found: Any, name: str, arguments: list[str], **options: Any) -> None:
    context = found.make_context(name, list(arguments), **options)
    if hasattr(found, "commands"):
        rest = [*getattr(context, "_protected_args", []), *context.args]
        child_name, child, rest = found.resolve_command(context, rest)
        _parse(child, child_name, rest, parent=context)


def fault_of_span(text: str) -> str:
    """Which command or option that a sentence names is not there. Its arguments may stand for others."""
    words = text.removeprefix("uv run ").removeprefix("--no-sync ").removeprefix("manage.py ").split()
    found, place = command(words[0]), click_command
    if found is None:
        return f"there is no command {words[0]}"
    if not isinstance(found, TyperCommand):
        return ""
    node: Any = place(found.typer_app)
    for word in words[1:]:
        if not hasattr(node, "commands") or not re.fullmatch(r"[a-z|-]+", word) or word.startswith("-"):
            break
        for name in word.split("|"):
            if name not in node.commands:
                return f"there is no {name} in {text}"
        node = node.commands[word.split("|")[0]]
    known = {name for parameter in node.params for name in [*parameter.opts, *parameter.secondary_opts]}
    unknown = [name for name in re.findall(r"(?<![\w-])--[a-z][a-z-]+", text) if name not in known]
    return f"{text}: there is no {unknown[0]}" if unknown and not hasattr(node, "commands") else ""


@pytest.mark.parametrize("block", SHELLS, ids=str)
def test_a_block_for_the_shell_holds(block: Code) -> None:
    parsed = subprocess.run(["bash", "-n"], input=block.text, text=True, capture_output=True)
    assert (parsed.returncode, parsed.stderr) == (0, "")
    lines = [words for words in commands_of(block) if not words[0].startswith("$")]
    assert {" ".join(words): fault for words in lines if (fault := fault_of(words))} == {}
    text = HEREDOC.sub("", block.text)
    unknown = [name for name in ASSIGNED.findall(text) if name not in known_variables()]
    assert [name for name in unknown if not name.startswith(FOREIGN)] == []
    words = re.findall(r"[^\s'\"=:;()]+", text)
    named = [found.group(1) for word in words if (found := FILE.fullmatch(word))]
    assert [name for name in named if not (BASE_DIR / name).exists()] == []


def test_what_a_control_gets_wrong_is_found() -> None:
    [words] = commands_of(Code("", "bash", "A=1 python manage.py user frobnicate ann@example.com | cat  # comment"))
    assert words == ["user", "frobnicate", "ann@example.com"]
    assert fault_of(words) == "No such command 'frobnicate'."
    assert fault_of(["user", "show", "ann@example.com", "--nonsense"]) == "No such option: --nonsense"
    assert fault_of(["worker", "--concurrency", "many"]).startswith("Invalid value for '--concurrency'")
    assert fault_of(["migrate", "--nonsense"]) == "Error: unrecognized arguments: --nonsense"
    assert fault_of(["user", "show", "ann@example.com"]) == ""
    assert fault_of_span("manage.py user show ADDRESS --nonsense").endswith("there is no --nonsense")


def test_commands_that_sentences_name_are_there() -> None:
    faults = {}
    for span in spans():
        is_command = re.match(rf"(uv run (--no-sync )?)?manage\.py [a-z]|({'|'.join(GROUPS)}) [a-z]", span.text)
        if is_command and not any(sign in span.text for sign in PLACEHOLDER) and (fault := fault_of_span(span.text)):
            faults[span.place] = fault
    assert faults == {}


def test_files_and_code_that_sentences_name_are_there() -> None:
    missing = {}
    for span in spans():
        name = span.text.rstrip("/")
        if found := FILE.fullmatch(span.text):
            is_there = (BASE_DIR / found.group(1)).exists()
        elif SOURCE.fullmatch(name):
            is_there = any((BASE_DIR / folder / name).exists() for folder in (".", "keystone", "tests"))
        else:
            is_there = not DOTTED.fullmatch(name) or _resolves(name)
        if not is_there:
            missing[span.place] = span.text
    assert missing == {}


def _resolves(name: str) -> bool:
    """Whether it is a module, or a name in one or in one of its classes."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False


def test_settings_that_sentences_name_are_there() -> None:
    unknown = {}
    for span in spans():
        found = re.fullmatch(r"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(=.*)?", span.text)
        name = found.group(1) if found else ""
        is_known = (
            name in known_variables() or name in code() or name.lower() in code()
        )  # `conf` has it in small letters
        if name and not name.startswith(FOREIGN) and not is_known:
            unknown[span.place] = name
    assert unknown == {}


@pytest.mark.parametrize("block", blocks("yaml", "json", "toml", "ini", "env"), ids=str)
def test_a_block_of_data_parses(block: Code, tmp_path: Path) -> None:
    if block.language == "yaml":
        assert list(yaml.safe_load_all(block.text))
    elif block.language == "json":
        assert json.loads(block.text)
    elif block.language == "toml":
        assert tomllib.loads(block.text)
    elif block.text.startswith("["):
        parser = ConfigParser(strict=False, interpolation=None)
        parser.read_string(block.text)
        assert parser.sections()
    elif re.match(r"[A-Z]", block.text):
        file = tmp_path / "env"
        file.write_text(block.text)
        unknown = [name for name in file_values(file) if name not in known_variables()]
        assert [name for name in unknown if not name.startswith(FOREIGN)] == []
    else:  # as postgresql.conf, which has no sections
        parser = ConfigParser(interpolation=None)
        parser.read_string(f"[all]\n{block.text}")


@pytest.mark.django_db
def test_queries_are_such_that_postgresql_takes() -> None:
    statements = [statement for block in blocks("sql") for statement in block.text.split(";\n")]
    statements += [span.text for span in spans() if re.match(r"SELECT .*\(|SELECT .* FROM", span.text)]
    queries = [text.strip().rstrip(";") for text in statements if text.strip().startswith("SELECT")]
    assert len(queries) >= 4
    with connection.cursor() as cursor:
        for query in queries:
            cursor.execute(f"EXPLAIN {query.replace('PID', '1')}")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(BASE_DIR)))
def test_links_lead_somewhere(document: Path) -> None:
    broken = []
    for target in links(document):
        path, _, anchor = target.partition("#")
        leads_to = (document.parent / path).resolve() if path else document
        if not leads_to.exists() or (anchor and anchor not in anchors(leads_to)):
            broken.append(target)
    assert broken == []
