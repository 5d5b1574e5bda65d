"""What production refuses to start with: one line a fault, all of them at once."""

from collections.abc import Sequence

from django.core.exceptions import ImproperlyConfigured

SHORTEST_KEY = 50  # characters; what Django's own check asks for (security.W009)
FEWEST_SIGNS = 5
KNOWN_KEYS = ("local-only-", "testing-only-", "django-insecure-", "changethis", "change-me")


def refuse_unsafe(
    *, secret_keys: Sequence[str], allowed_hosts: Sequence[str], public_url: str, frontend_url: str
) -> None:
    """Refuse what an attacker could know or use.

    Raises:
        ImproperlyConfigured: with a line for each fault.
    """
    faults = []
    for key in secret_keys:
        if key.startswith(KNOWN_KEYS):
            faults.append("SECRET_KEY is one that everybody knows. Make one of your own (see docs/operations.md).")
        elif len(key) < SHORTEST_KEY or len(set(key)) < FEWEST_SIGNS:
            faults.append(f"SECRET_KEY is too easy to guess: it needs {SHORTEST_KEY} random characters.")
    if not allowed_hosts:
        faults.append("ALLOWED_HOSTS is not set. Name the host names that this server answers to.")
    if "*" in allowed_hosts:
        faults.append("ALLOWED_HOSTS must name the hosts; * would answer to any.")
    for name, url in (("PUBLIC_URL", public_url), ("FRONTEND_URL", frontend_url)):
        if (url or name == "PUBLIC_URL") and not url.startswith("https://"):
            faults.append(f"{name} must begin with https://: links in mails start with it.")
    if faults:
        raise ImproperlyConfigured("\n".join(dict.fromkeys(faults)))
