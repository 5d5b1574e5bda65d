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
    """Return a mail with its sample data, marked as a test. Without `of`, it only says that mails arrive.

    Args:
        user: the user who requested the test, or None. The sample data greets an invented person.
        of: the name of the mail to show. If it is no longer registered, no mail is sent.
    """
    if not of:
        return Mail(template="trial")
    if of not in registry.EMAILS:
        return None
    return Mail(template="trial", context={**registry.get(of).sample, **_parts(of)})


def _parts(name: str) -> dict[str, str]:
    """Return the names of the partials that the template includes."""
    return {f"tested_{part}": f"{FOLDER}/{name}.mjml#{part}" for part in PARTIALS}
