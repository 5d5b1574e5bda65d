"""The test mail that administrators send."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from keystone.mail import registry
from keystone.mail.outgoing import Mail
from keystone.mail.previews import PARTIALS
from keystone.mail.registry import email
from keystone.mail.rendering import FOLDER


@email(label=_("Test"), sample={}, needs_person=False)
def trial(user: Any, *, of: str = "") -> Mail | None:
    """A mail with its sample data, marked as a test; without `of`, the news that mails arrive.

    Args:
        user: who asked for it, or None; the sample greets somebody made up.
        of: the name of the mail that is shown; one that has gone from the code needs no test any more.
    """
    if not of:
        return Mail(template="trial")
    if of not in registry.EMAILS:
        return None
    return Mail(template="trial", context={**registry.get(of).sample, **_parts(of)})


def _parts(name: str) -> dict[str, str]:
    """Where the template finds the parts of the mail that it shows."""
    return {f"tested_{part}": f"{FOLDER}/{name}.mjml#{part}" for part in PARTIALS}
