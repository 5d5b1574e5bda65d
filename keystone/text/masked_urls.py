"""Mask the secrets in URLs of services."""

from urllib.parse import urlsplit

MASK = "***"
# Schemes of URLs with a user name; in other URLs it may be a key, as in Sentry's.
WITH_USER = frozenset({"postgres", "postgresql", "psql", "redis", "rediss", "smtp", "smtps"})
# Query options that are known not to be secret; all others are masked.
OPEN = frozenset(
    {
        *("application_name", "channel_binding", "connect_timeout", "gssencmode", "host", "keepalives"),
        *("keepalives_count", "keepalives_idle", "keepalives_interval", "load_balance_hosts", "port"),
        *("ssl_max_protocol_version", "ssl_min_protocol_version", "sslmode", "sslnegotiation"),
        *("target_session_attrs", "tcp_user_timeout"),
    }
)


def without_secrets(text: str) -> str:
    """Return the text; if it is a URL, with credentials, unknown query options and the fragment masked.

    The user name is kept for the schemes in `WITH_USER`. An unparsable URL, such as with an unescaped `/` in its
    password, is masked completely.
    """
    if "://" not in text:
        return text
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return MASK
    # An unescaped / ? or # in a password ends the host too early and leaves an @ in the rest.
    if not parts.scheme or "@" in parts.path + parts.query + parts.fragment or "://" in text[len(parts.scheme) + 3 :]:
        return MASK
    info, at, host = parts.netloc.rpartition("@")
    user, colon, _password = info.partition(":")
    if parts.scheme in WITH_USER:
        info = user + (f":{MASK}" if colon else "")
    elif at:
        info = MASK
    query = "?" + "&".join(map(_pair, parts.query.split("&"))) if parts.query else ""
    return f"{parts.scheme}://{info}{at}{host}{parts.path}{query}" + (f"#{MASK}" if parts.fragment else "")


def _pair(pair: str) -> str:
    name, sign, _value = pair.partition("=")
    if name in OPEN:
        return pair
    return f"{name}={MASK}" if sign else MASK
