"""Typed readers of environment variables. A missing or invalid value stops the start and says what to do.

Values come from the process environment, then `.env.local`, then `.env`; the first one that has a name wins.
An empty value counts as absent, so that `NAME=` in a compose file or an `.env` means "the default".
`NAME_FILE` names a file that contains the value of NAME, as Docker and Kubernetes provide secrets.
"""

import json
import math
import os
import re
import unicodedata
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from keystone.environment.database_url_parser import CONNECTION, settings_of
from keystone.environment.files import IN_FILE, file_values, held_by, is_given

_config = find_spec("config")
# The folder of `config`, `manage.py` and `.env`, wherever this package is installed.
BASE_DIR = Path(_config.origin).resolve().parents[1] if _config and _config.origin else Path.cwd()
ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
ENVIRONMENTS = ("local", "testing", "staging", "production")
SERVERS = ("staging", "production")  # reachable by strangers
FILES = (".env.local", ".env")  # the first one that has a name wins
DEFAULT = "default"
sources: dict[str, str] = {}  # where other values come from: a file, or `DEFAULT`


def load_files(folder: Path = BASE_DIR) -> None:
    """Read `.env.local`, then `.env` from `folder`. Variables that are set already are kept."""
    for name in FILES:
        path = folder / name
        if path.is_file():
            new = {key: value for key, value in file_values(path).items() if not is_given(key)}
            os.environ.update(new)
            sources.update(dict.fromkeys(new, name))


def text(name: str, default: str | None = None) -> str:
    """Return the value of `name` exactly as written: `$`, `@` and `%` have no special meaning.

    Raises:
        ImproperlyConfigured: it is absent and there is no `default`, or it is in a file that can't be read.
    """
    value, path = os.environ.get(name, ""), os.environ.get(name + IN_FILE, "")
    if value and path:
        raise ImproperlyConfigured(f"{name} and {name + IN_FILE} are both set. Set one of them.")
    if path:
        return held_by(path, name + IN_FILE)
    if value:
        return value
    if default is None:
        raise ImproperlyConfigured(f"{name} is not set. Set it in the environment or in .env (see .env.example).")
    return default


def line(name: str, default: str) -> str:
    """Return text for headers of mails and responses: one line without control characters, which would end them."""
    value = text(name, default).strip()
    if any(unicodedata.category(sign) in {"Cc", "Cs", "Zl", "Zp"} for sign in value):
        raise ImproperlyConfigured(f"{name} must be one line without control characters, not {value!r}.")
    return value


def flag(name: str, *, default: bool) -> bool:
    """Return a boolean, written as true/false, yes/no, on/off or 1/0 in any case."""
    value = text(name, "").strip().lower()
    if not value:
        return default
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} must be true or false, not {value!r}.")


def number(name: str, default: int, *, minimum: int = 0, maximum: int | None = None) -> int:
    """Return an integer between `minimum` and `maximum`, both included."""
    value = text(name, "").strip()
    if not value:
        return default
    try:
        result = int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}.") from None
    if result < minimum or (maximum is not None and result > maximum):
        limits = f"at least {minimum}" if maximum is None else f"between {minimum} and {maximum}"
        raise ImproperlyConfigured(f"{name} must be {limits}, not {result}.")
    return result


def seconds(name: str, default: float, *, maximum: float) -> float:
    """Return a time in seconds, such as 1 or 0.5: more than 0, and at most `maximum`."""
    must_be = f"a number of seconds up to {maximum:g}"
    return _decimal(name, default, fits=lambda value: 0 < value <= maximum, must_be=must_be)


def share(name: str, default: float) -> float:
    """Return a fraction from 0 (none) to 1 (all), such as 0.1."""
    return _decimal(name, default, fits=lambda value: 0 <= value <= 1, must_be="a number from 0 to 1")


def _decimal(name: str, default: float, *, fits: Callable[[float], bool], must_be: str) -> float:
    value = text(name, "").strip()
    if not value:
        return default
    try:
        result = float(value)
    except ValueError:
        result = math.nan  # never fits
    if not fits(result):
        raise ImproperlyConfigured(f"{name} must be {must_be}, not {value!r}.")
    return result


def words(name: str, default: list[str]) -> list[str]:
    """Return a list, written as `a,b,c`, one item per line, or as JSON `["a", "b"]`."""
    value = text(name, "").strip()
    if not value:
        return default
    if value.startswith("["):
        try:
            items = json.loads(value)
        except ValueError:
            items = None
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            raise ImproperlyConfigured(f"{name} must be a comma list or a JSON list of strings, not {value!r}.")
        return items
    return [item.strip() for item in re.split(r"[,\n]", value) if item.strip()]


def choice(name: str, default: str, choices: tuple[str, ...]) -> str:
    """Return one of `choices`. If an empty string is among them, the variable is optional."""
    value = text(name, default).strip()
    if value not in choices:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(filter(None, choices))}, not {value!r}.")
    return value


def url(name: str, default: str) -> str:
    """Return an absolute http(s) URL without a trailing slash, or an empty string."""
    value = text(name, default).strip().rstrip("/")
    if value:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise ImproperlyConfigured(f"{name} must be a URL such as https://example.com, not {value!r}.")
    return value


def origins(name: str) -> list[str]:
    """Return web origins (RFC 6454) exactly as browsers send them, because they are compared literally."""
    values = words(name, [])
    for value in values:
        try:
            parts = urlsplit(value)
            has_default_port = (parts.scheme, parts.port) in {("http", 80), ("https", 443)}
        except ValueError:
            parts, has_default_port = urlsplit(""), False
        if has_default_port:
            raise ImproperlyConfigured(f"{name}: write {value!r} without the port; browsers leave a usual one out.")
        if value.endswith("/") and ORIGIN.fullmatch(value.removesuffix("/")):
            raise ImproperlyConfigured(f"{name}: write {value!r} without the slash at its end; browsers send none.")
        if not parts.hostname or not ORIGIN.fullmatch(value):
            raise ImproperlyConfigured(
                f"{name} must name origins such as https://app.example.com, in lower case and ASCII, without a path or "
                f"a *; not {value!r}."
            )
    return values


def header_names(name: str) -> list[str]:
    """Return names of HTTP headers (RFC 9110, section 5.1) in lower case, written as `a,b` or JSON."""
    values = words(name, [])
    for value in values:
        if not HEADER_NAME.fullmatch(value) or value == "*":
            raise ImproperlyConfigured(
                f"{name} must name headers such as X-Client-Version, without a *; not {value!r}."
            )
    return [value.lower() for value in values]


def postgres(name: str) -> dict[str, object]:
    """Return Django's database settings for a URL; empty if the variable is absent."""
    address = text(name, "")
    return settings_of(address, name) if address else {}


def environment(default: str = "local") -> str:
    """Return the environment of this process: local, testing, staging or production."""
    return choice("ENVIRONMENT", default, ENVIRONMENTS)


def data_folder() -> Path:
    """Return the folder for data created on this machine."""
    return Path(text("DATA_DIR", str(BASE_DIR / ".data")))


def project_name() -> str:
    """Return the product's name."""
    return line("PROJECT_NAME", "Keystone")


def settings_module(default_environment: str = "local") -> str:
    """Return the settings module of the environment. Staging uses production's settings.

    Args:
        default_environment: the environment if ENVIRONMENT is not set. `manage.py` passes local; the WSGI and ASGI
            entry points pass production, so that a server without ENVIRONMENT is closed rather than open.
    """
    if os.environ.get("ENVIRONMENT") != "testing":  # a developer's .env must not redirect tests to another server
        load_files()
    if not os.environ.get("ENVIRONMENT") and not os.environ.get("ENVIRONMENT" + IN_FILE):
        sources["ENVIRONMENT"] = DEFAULT
    name = environment(default_environment)
    os.environ["ENVIRONMENT"] = name
    os.environ.pop("ENVIRONMENT" + IN_FILE, None)
    return f"config.settings.{'production' if name == 'staging' else name}"


def names_a_database() -> bool:
    """Return whether the environment names a PostgreSQL server.

    Raises:
        ImproperlyConfigured: other POSTGRES_* variables are set, but not the server.
    """
    if text("DATABASE_URL", "") or text("POSTGRES_SERVER", ""):
        return True
    for name in ("POSTGRES_DB", "POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_PORT"):
        if text(name, ""):
            raise ImproperlyConfigured(f"{name} is set, but POSTGRES_SERVER is not. Set both or neither.")
    return False


def database() -> dict[str, object]:
    """Return Django's database settings from DATABASE_URL or POSTGRES_*. DATABASE_URL takes precedence.

    Values of POSTGRES_* are not percent-encoded.

    Raises:
        ImproperlyConfigured: neither is set, or the URL is not one of PostgreSQL.
    """
    if address := postgres("DATABASE_URL"):
        return address | _behind_a_pooler()
    if text("POSTGRES_SERVER", ""):
        return _behind_a_pooler() | {
            "NAME": text("POSTGRES_DB", "keystone"),
            "USER": text("POSTGRES_USER", "postgres"),
            "PASSWORD": text("POSTGRES_PASSWORD", ""),
            "HOST": text("POSTGRES_SERVER"),
            "PORT": number("POSTGRES_PORT", 5432, minimum=1, maximum=65535),
            "OPTIONS": dict(CONNECTION),
        }
    raise ImproperlyConfigured(
        "No database is named. Set DATABASE_URL, or POSTGRES_SERVER with POSTGRES_USER, POSTGRES_PASSWORD and "
        "POSTGRES_DB."
    )


def _behind_a_pooler() -> dict[str, object]:
    """Return the settings for a pooler in transaction mode: no server-side cursors, which outlive a transaction.

    Where they are off, no statements are prepared either.
    """
    if choice("DATABASE_POOLER", "", ("", "session", "transaction")) == "transaction":
        return {"DISABLE_SERVER_SIDE_CURSORS": True}
    return {}
