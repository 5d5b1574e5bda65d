"""The connection to the mail server: one for many mails, with a time limit on each call."""

import contextvars
import smtplib
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self

from django.core.mail import EmailMessage, mailers

CLOSING_SECONDS = 5.0


class TookTooLong(TimeoutError):  # noqa: N818 - the name describes what happened
    """A call exceeded its time limit, even if none of its steps did."""


class MailConnection:
    """A connection of the mailer "default".

    Attributes:
        sent: the number of mails sent since the connection was opened; 0 while it is closed.
    """

    def __init__(self) -> None:
        self._backend: Any = None
        self.sent = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self, seconds: float) -> None:
        """Open the connection if it is closed.

        Args:
            seconds: the time limit.

        Raises:
            TookTooLong, or any exception of the backend: there is no connection.
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
            seconds: the time limit.

        Raises:
            TookTooLong, or any exception of the backend: the server may or may not have accepted the message.
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
        """Close the socket without QUIT, to which a hanging server wouldn't respond. Blocked calls fail."""
        backend, self._backend = self._backend, None
        self.sent = 0
        for name in ("connection", "_partial_connection"):
            smtp = getattr(backend, name, None)
            if isinstance(smtp, smtplib.SMTP) and smtp.sock is not None:
                with suppress(OSError):
                    smtp.sock.shutdown(socket.SHUT_RDWR)
                smtp.close()

    def _within(self, seconds: float, call: Callable[[], object]) -> None:
        """Run `call` in a thread and drop the connection if it takes too long.

        A socket timeout isn't enough: it doesn't end a response that arrives in small pieces.
        """
        errors: list[BaseException] = []

        def run() -> None:
            try:
                call()
            except BaseException as error:  # noqa: BLE001 - re-raised in the calling thread
                errors.append(error)

        thread = threading.Thread(target=contextvars.copy_context().run, args=(run,), name="mail", daemon=True)
        thread.start()
        thread.join(max(0.0, seconds))
        if thread.is_alive():
            self.drop()
            raise TookTooLong
        if errors:
            raise errors[0]
