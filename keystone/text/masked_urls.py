"""Mask the secrets in URLs of services."""

from urllib.parse import urlsplit

MASK = "***"
# Schemes whose addresses begin with a user's name; in others what stands there may be a key, as in Sentry's.
WITH_USER = frozenset({"postgres", "postgresql", "psql", "redis", "rediss", "smtp", "smtps"})
# What is known to hold no secret behind the ?; every other option is masked.
OPEN = frozenset(
    {
        *("application_name", "channel_binding", "connect_timeout", "gssencmode", "host", "keepalives"),
        *("keepalives_count", "keepalives_idle", "keepalives_interval", "load_balance_hosts", "port"),
        *("ssl_max_protocol_version", "ssl_min_protocol_version", "sslmode", "sslnegotiation"),
        *("target_session_attrs", "tcp_user_timeout"),
    }
)


def without_secrets(text: str) -> str:
    """The text; of an address, without user and password, and without what its query says but for open options.

    An unparsable URL, as with a bare `/` in its password, is masked as a whole.
    """
    if "://" not in text:
        return text
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return MASK
    # A bare / ? or # in a password ends the host too early, and leaves the rest with an @ behind it.
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
