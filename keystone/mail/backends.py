"""The mail backend of development: a folder with a file for each mail."""

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
    """Writes each message as one `.eml` file, which any mail program opens, and refuses addresses that SMTP refuses.

    Names begin with the time, so that they sort by it. Any number of processes may write at once, and readers
    never see half a file.
    """

    def __init__(
        self,
        *,
        alias: str,
        folder: str | Path | None = None,
        **kwargs: Any,
    ) -> None:
        """Take the option `folder` of MAILERS; it is made when the first mail comes."""
        super().__init__(alias=alias, **kwargs)
        if folder is None:
            raise InvalidMailer("OPTIONS must define 'folder'.", alias=alias)
        self.folder = Path(folder)

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Write the messages; returns how many.

        Raises:
            ValueError: an address is none that SMTP takes.
        """
        for message in email_messages:
            for address in (message.from_email, *message.recipients()):
                SMTPBackend.prep_address(self, address)  # type: ignore[arg-type]  # it reads nothing of self
            self._write(message.message(policy=SMTP).as_bytes())
        return len(email_messages)

    def _write(self, content: bytes) -> None:
        # Mails hold links that work: the folder and its files are for their owner only.
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(6)}.eml"
        unfinished = self.folder / f".{name}.part"
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
        unfinished.rename(self.folder / name)
