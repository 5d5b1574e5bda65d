"""The connection to the mail server: one for many mails, with a limit on each call."""

import contextvars
import smtplib
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self

from django.core.mail import EmailMessage, mailers

CLOSING_SECONDS = 5.0


class TookTooLong(TimeoutError):  # noqa: N818 - it says what happened
    """A call was not over in its time, even if each of its steps was."""


class MailConnection:
    """A connection of the mailer "default", opened when the first mail is sent.

    Attributes:
        sent: how many mails have gone out since it was opened; 0 while it is not open.
    """

    def __init__(self) -> None:
        self._backend: Any = None
        self.sent = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self, seconds: float) -> None:
        """Open it, if it is not open.

        Args:
            seconds: that it may take.

        Raises:
            TookTooLong, or whatever the backend raises: there is no connection.
        """
        if self._backend is not None:
            return
        self._backend = mailers["default"]
        try:
            self._within(seconds, self._backend.open)
        except BaseException:
            self.drop()
            raise

    def send(self, message: EmailMessage, seconds: float) -> None:
        """Send one message through the open connection.

        Args:
            seconds: that it may take.

        Raises:
            TookTooLong, or whatever the backend raises: whether the server has taken the message is not known then.
        """
        self._within(seconds, lambda: self._backend.send_messages([message]))
        self.sent += 1

    def close(self) -> None:
        """Close the connection, ignoring errors."""
        if self._backend is not None:
            with suppress(Exception):
                self._within(CLOSING_SECONDS, self._backend.close)
            self.drop()

    def drop(self) -> None:
        """Hang up without a word, which a server that hangs would not answer; who waits for it is woken."""
        backend, self._backend = self._backend, None
        self.sent = 0
        for name in ("connection", "_partial_connection"):
            smtp = getattr(backend, name, None)
            if isinstance(smtp, smtplib.SMTP) and smtp.sock is not None:
                with suppress(OSError):
                    smtp.sock.shutdown(socket.SHUT_RDWR)
                smtp.close()

    def _within(self, seconds: float, call: Callable[[], object]) -> None:
        """Make a call in a thread, and hang up when it takes too long: a timeout of the socket ends no slow drip."""
        errors: list[BaseException] = []

        def run() -> None:
            try:
                call()
            except BaseException as error:  # noqa: BLE001 - it is raised where the call was made
                errors.append(error)

        thread = threading.Thread(target=contextvars.copy_context().run, args=(run,), name="mail", daemon=True)
        thread.start()
        thread.join(max(0.0, seconds))
        if thread.is_alive():
            self.drop()
            raise TookTooLong
        if errors:
            raise errors[0]
