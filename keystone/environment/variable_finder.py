"""Find every variable that the settings read, by parsing their source."""

import ast
import inspect
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from keystone.environment import env
from keystone.environment.files import IN_FILE, file_values
from keystone.environment.variables import DEFAULT, PROCESS, Environment, Variable

# Readers are the functions of `keystone.environment.env` whose first argument is `name`.
READERS = frozenset(
    name
    for name, function in inspect.getmembers(env, inspect.isfunction)
    if not name.startswith("_")
    and function.__module__ == env.__name__
    and next(iter(inspect.signature(function).parameters), "") == "name"
)
PACKAGE = Path(__file__).parents[1]
FOLDER = env.BASE_DIR
SOURCES = [
    PACKAGE / "environment" / "env.py",
    # The settings that all environments share come first: their defaults are shown.
    *sorted(
        (path for path in (PACKAGE / "settings").glob("*.py") if path.name != "testing.py"),  # not for operators
        key=lambda path: (path.stem in env.ENVIRONMENTS, path.name),
    ),
]
PROJECT_SOURCES = sorted((FOLDER / "config" / "settings").glob("*.py"))
# The values of these readers can't contain secrets. Texts are masked unless they are named below.
HARMLESS_READERS = frozenset({"flag", "number", "seconds", "share", "choice", "origins", "header_names"})
# Shown, except for secrets in URLs.
TOLD = frozenset(
    {
        *("PROJECT_NAME", "DATA_DIR", "LOG_FOLDER", "SENTRY_DSN", "SENTRY_ENVIRONMENT", "SENTRY_RELEASE"),
        *("PUBLIC_URL", "FRONTEND_URL", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "DEFAULT_USER_APPROVAL_FLOW"),
        *("DATABASE_URL", "POSTGRES_SERVER", "POSTGRES_USER", "POSTGRES_DB", "REDIS_SERVER", "REDIS_URL"),
        *("SMTP_HOST", "SMTP_USER", "EMAIL_PROVIDER_URL", "EMAILS_FROM_NAME", "EMAILS_FROM_EMAIL", "SUPPORT_EMAIL"),
        *("PASSWORD_BREACH_API", "FIRST_SUPERUSER", "OTEL_EXPORTER_OTLP_ENDPOINT"),
    }
)
COMPUTED = object()  # a default that is only known while the settings are loaded


@dataclass(frozen=True)
class Reading:
    """A place where a variable is read: `reader(name, *arguments, **options)`."""

    path: Path
    name: str
    reader: str
    arguments: list[ast.expr]
    options: dict[str, ast.expr]

    @property
    def given_default(self) -> ast.expr | None:
        """The expression of the default, or None."""
        return self.options.get("default") or (self.arguments[0] if self.arguments else None)

    def default(self) -> object:
        """Return the default; None if there is none, `COMPUTED` if it isn't known here."""
        return None if self.given_default is None else self._value(self.given_default)

    def read(self) -> object:
        """Read the variable as the settings do.

        Raises:
            ImproperlyConfigured: its value is invalid.
        """
        arguments = [self._value(node) for node in self.arguments]
        options = {name: self._value(node) for name, node in self.options.items()}
        if COMPUTED in [*arguments, *options.values()] and not env.text(self.name, ""):
            return COMPUTED
        return getattr(env, self.reader)(self.name, *arguments, **options)

    def _value(self, node: ast.expr) -> object:
        root = PACKAGE.parent if self.path.is_relative_to(PACKAGE) else FOLDER
        module = ".".join(self.path.relative_to(root).with_suffix("").parts)
        names = vars(sys.modules[module]) if module in sys.modules else {"env": env}
        try:
            return eval(compile(ast.Expression(node), self.path, "eval"), dict(names))  # noqa: S307 - source of our settings
        except NameError:  # a function's argument, or settings that are not loaded
            return COMPUTED


@cache
def readings() -> list[Reading]:
    """Return every reading in the sources and in the project's settings."""
    found = []
    for path in [*SOURCES, *PROJECT_SOURCES]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and (reader := _reader(node, path)) and node.args:
                first, *others = node.args
                if isinstance(first, ast.Constant) and not str(first.value).startswith("TEST_"):
                    options = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
                    found.append(Reading(path, str(first.value), reader, others, options))
    return found


def _reader(call: ast.Call, path: Path) -> str:
    match call.func:
        case ast.Attribute(value=ast.Name(id="env"), attr=name) if name in READERS:
            return name
        case ast.Name(id=name) if name in READERS and path.name == "env.py":
            return name
    return ""


def environment() -> Environment:
    """Return the environment that this process's settings were read from."""
    by_name: dict[str, list[Reading]] = {}
    for reading in readings():
        by_name.setdefault(reading.name, []).append(reading)
    reads_files = os.environ.get("ENVIRONMENT") != "testing"
    return Environment(
        variables={name: _variable(name, by_name[name]) for name in sorted(by_name)},
        files=[env.BASE_DIR / name for name in env.FILES] if reads_files else [],
        own={name: value for name, value in os.environ.items() if name not in env.sources},
        values_of=file_values,
    )


def _variable(name: str, found: list[Reading]) -> Variable:
    kinds = [reading.reader for reading in found]
    value = env.text(name, "")
    held_by = os.environ.get(name + IN_FILE, "")
    source = held_by or env.sources.get(name, PROCESS) if value else DEFAULT
    return Variable(
        name=name,
        kind=next((kind for kind in kinds if kind != "text"), "text"),
        value="" if source == DEFAULT and name != "ENVIRONMENT" else value,
        default=_written(found),
        source=source,
        is_told=name in TOLD or HARMLESS_READERS.issuperset(kinds),
        check=partial(_check, name, [reading.read for reading in found]),
    )


def _written(found: list[Reading]) -> str:
    """Return the first known default, as it would be written in a file."""
    for reading in found:
        default = reading.default()
        if isinstance(default, bool):
            return str(default).lower()
        if isinstance(default, list | tuple):
            return ",".join(map(str, default))
        if default is not None and default is not COMPUTED:
            return str(default)
    return ""


def _check(name: str, reads: list[Callable[[], object]], value: str) -> None:
    """Read a value as if it were in the environment. Not thread-safe: it changes os.environ meanwhile."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        for read in reads:
            read()
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
