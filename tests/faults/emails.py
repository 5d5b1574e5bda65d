"""A mail that cannot be made, and fails with all it knows."""

from typing import Any

from keystone.mail.outgoing import Mail
from keystone.mail.registry import email
from tests.faults.canaries import kept, quoted


@email(label="Fails", sample={}, needs_person=False)
def fails(user: Any) -> Mail | None:
    link = kept()
    raise ValueError(quoted(link))
