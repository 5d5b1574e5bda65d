"""What production refuses to start with: one line a fault, all of them at once."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

SHORTEST_KEY = 50  # characters; what Django's own check asks for (security.W009)
FEWEST_SIGNS = 5
KNOWN_KEYS = ("local-only-", "testing-only-", "django-insecure-", "change", "your-", "your_", "replace", "insecure")
# The defaults of images, tutorials, of the system that Keystone is modelled on, and of our own development.
KNOWN_PASSWORDS = frozenset(
    {
        *("admin", "admin@1234", "administrator", "change-me", "change_me", "changeit", "changeme", "changethis"),
        *("default", "example", "foobared", "guest", "keystone", "letmein", "mysecretpassword", "pass", "passw0rd"),
        *("password", "password1", "password123", "postgres", "postgresql", "qwerty", "redis", "root", "sample@1234"),
        *("secret", "supersecret", "test", "toor", "user", "12345678", "123456", "1234", "123456789"),
    }
)


def refuse_unsafe(
    *,
    debug: bool,
    secret_key: str,
    secret_key_fallbacks: Sequence[str],
    allowed_hosts: Sequence[str],
    public_url: str,
    frontend_url: str,
    cors_origins: Sequence[str],
    passwords: Mapping[str, str],
    database: Mapping[str, object],
) -> None:
    """Refuse what an attacker could know or use.

    Args:
        debug: whether anything turned Django's debug pages on.
        public_url: empty where nobody gave one.
        passwords: by the name of the variable that each stands in; an empty one is none, as of a server on a socket.
        database: Django's settings of the database, whose USER and PASSWORD are looked at.

    Raises:
        ImproperlyConfigured: with a line for each fault. None repeats a key or a password.
    """
    faults = ["DEBUG is on. Its pages show settings and data to everybody: leave it out."] if debug else []
    faults += _key_faults("SECRET_KEY", secret_key)
    for key in secret_key_fallbacks:
        faults += _key_faults("SECRET_KEY_FALLBACKS", key)
    if not allowed_hosts:
        faults.append("ALLOWED_HOSTS is not set. Name the host names that this server answers to.")
    for host in allowed_hosts:
        faults += _host_faults(host)
    faults += _address_faults(public_url=public_url, frontend_url=frontend_url)
    faults += [f"BACKEND_CORS_ORIGINS must begin with https://, not {url!r}." for url in cors_origins if _is_open(url)]
    faults += [
        f"{name} is a password that everybody knows. Choose one of your own."
        for name, password in passwords.items()
        if password.lower() in KNOWN_PASSWORDS
    ]
    user, password = str(database.get("USER") or ""), str(database.get("PASSWORD") or "")
    if password.lower() in KNOWN_PASSWORDS or (password and password == user):
        faults.append("The database's password is one that everybody knows (POSTGRES_PASSWORD or DATABASE_URL).")
    if faults:
        raise ImproperlyConfigured("\n".join(dict.fromkeys(faults)))


def _key_faults(name: str, key: str) -> list[str]:
    if not key:
        return [f"{name} is not set. Make a key of your own (see docs/operations.md)."]
    if key.lower().startswith(KNOWN_KEYS):
        return [f"{name} is one that everybody knows. Make one of your own (see docs/operations.md)."]
    if len(key) < SHORTEST_KEY or len(set(key)) < FEWEST_SIGNS:
        return [f"{name} is too easy to guess: it needs {SHORTEST_KEY} random characters."]
    return []


def _host_faults(host: str) -> list[str]:
    """`.example.com` stands for a domain and all below it, all of which is ours; `.com` and `*` would not be."""
    if "*" in host:
        return ["ALLOWED_HOSTS must name the hosts, without *; .example.com stands for a domain and all below it."]
    if host.startswith(".") and "." not in host.strip("."):
        return [f"ALLOWED_HOSTS would answer to any name that ends with {host!r}. Name the hosts."]
    if "/" in host or (":" in host and not host.startswith("[")):
        return [f"ALLOWED_HOSTS takes names alone, without https:// and port, not {host!r}."]
    return []


def _address_faults(*, public_url: str, frontend_url: str) -> list[str]:
    faults = []
    if not public_url:
        faults.append("PUBLIC_URL is not set. Say where this server is reached, as https://keystone.example.com.")
    for name, url in (("PUBLIC_URL", public_url), ("FRONTEND_URL", frontend_url)):
        if url and _is_open(url):
            faults.append(f"{name} must begin with https://: links in mails start with it.")
    return faults


def _is_open(url: str) -> bool:
    return urlsplit(url).scheme != "https"
