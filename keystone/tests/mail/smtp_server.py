"""A small SMTP server for tests: it keeps what it is sent, and refuses or hangs up where it is told to."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Self


class SmtpServer(socketserver.ThreadingTCPServer):
    """Listens on a free port of the loopback interface.

    Attributes:
        messages: what was taken.
        connections: how many there were.
        refused: recipients that get a 550.
        closes_after: the connection ends with a 421 once it has taken so many mails; 0 never.
    """

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.messages: list[EmailMessage] = []
        self.connections = 0
        self.refused: set[str] = set()
        self.closes_after = 0

    @property
    def mailers(self) -> dict[str, dict[str, object]]:
        """The setting MAILERS that sends here."""
        options = {"host": "127.0.0.1", "port": self.server_address[1], "timeout": 5}
        return {"default": {"BACKEND": "django.core.mail.backends.smtp.EmailBackend", "OPTIONS": options}}

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[Self]:
        """Serve for the time of the block."""
        with cls() as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            try:
                yield server
            finally:
                server.shutdown()
                thread.join()


class _Conversation(socketserver.StreamRequestHandler):
    server: SmtpServer

    def handle(self) -> None:
        self.server.connections += 1
        taken = 0
        self.say(b"220 test")
        while line := self.rfile.readline():
            verb = line.split(b":")[0].strip().upper()
            if verb == b"QUIT":
                return self.say(b"221 bye")
            if verb == b"DATA":
                self.say(b"354 go on")
                lines: list[bytes] = []
                while (part := self.rfile.readline()) != b".\r\n":
                    lines.append(part.removeprefix(b".") if part.startswith(b"..") else part)
                self.server.messages.append(message_from_bytes(b"".join(lines), policy=default))
                taken += 1
                self.say(b"250 taken")
            elif verb == b"MAIL FROM" and self.server.closes_after and taken >= self.server.closes_after:
                return self.say(b"421 too many mails on one connection")
            elif verb == b"RCPT TO" and line.split(b"<")[1].split(b">")[0].decode() in self.server.refused:
                self.say(b"550 no such mailbox")
            else:
                self.say(b"250 fine")
        return None

    def say(self, line: bytes) -> None:
        self.wfile.write(line + b"\r\n")
