"""Parse a PostgreSQL URL into Django's database settings."""

from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured
from psycopg import ProgrammingError
from psycopg.conninfo import make_conninfo

# In seconds (tcp_user_timeout in milliseconds). Detects an unreachable host soon, also during a connection.
CONNECTION: dict[str, object] = {
    "connect_timeout": "10",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}


def settings_of(address: str, name: str) -> dict[str, object]:
    """Return Django's database settings for a URL.

    Its user, password and database name are percent-encoded (RFC 3986).

    Args:
        address: the URL, such as `postgresql://user:password@host:5432/name?sslmode=require`.
        name: the name of its variable, for the error message.

    Raises:
        ImproperlyConfigured: it is not the URL of a PostgreSQL database, or has an unknown option.
    """
    try:
        parts = urlsplit(address)
        port = parts.port or 5432
    except ValueError:
        parts, port = urlsplit(""), 0
    # An unescaped / in the password ends the host too early and leaves an @ in the path.
    is_whole = bool(parts.path.strip("/")) and "@" not in parts.path
    if parts.scheme not in {"postgres", "postgresql", "psql"} or not is_whole:
        # The URL itself may hold a password and is not repeated.
        raise ImproperlyConfigured(
            f"{name} must look like postgresql://user:password@host:5432/name; write @ / : % in the "
            "user or password as %40 %2F %3A %25."
        )
    options = {**CONNECTION, **{key: value[0] for key, value in parse_qs(parts.query).items()}}
    try:
        make_conninfo("", **{key: str(value) for key, value in options.items()})
    except ProgrammingError:
        unknown = ", ".join(sorted(set(options) - set(CONNECTION)))
        raise ImproperlyConfigured(f"{name} has an option that PostgreSQL does not know: {unknown}.") from None
    return {
        "NAME": unquote(parts.path.removeprefix("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": str(options.pop("host", "")) or unquote(parts.hostname or ""),
        "PORT": port,
        "OPTIONS": options,
    }
