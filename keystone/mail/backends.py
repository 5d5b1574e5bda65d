"""The mail backend for development: a folder with one file per mail."""

import os
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from email.policy import SMTP
from pathlib import Path
from typing import Any

from django.core.mail import EmailMessage, InvalidMailer
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.smtp import EmailBackend as SMTPBackend


class FolderBackend(BaseEmailBackend):
    """A backend that writes each message to an `.eml` file, which any mail program can open.

    It rejects the email addresses that the SMTP backend rejects. File names begin with the time, so that they sort by
    it. Any number of processes may write at the same time, and readers never see an incomplete file.
    """

    def __init__(
        self,
        *,
        alias: str,
        folder: str | Path | None = None,
        **kwargs: Any,
    ) -> None:
        """Take the option `folder` of MAILERS. The folder is created when the first mail is written."""
        super().__init__(alias=alias, **kwargs)
        if folder is None:
            raise InvalidMailer("OPTIONS must define 'folder'.", alias=alias)
        self.folder = Path(folder)

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Write the messages and return their number.

        Raises:
            ValueError: the SMTP backend would reject an email address.
        """
        for message in email_messages:
            for address in (message.from_email, *message.recipients()):
                SMTPBackend.prep_address(self, address)  # type: ignore[arg-type]  # it doesn't use self
            self._write(message.message(policy=SMTP).as_bytes())
        return len(email_messages)

    def _write(self, content: bytes) -> None:
        # Mails contain working links: only the owner may read the folder and its files.
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(6)}.eml"
        unfinished = self.folder / f".{name}.part"
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
        unfinished.rename(self.folder / name)
