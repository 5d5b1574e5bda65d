"""A small SMTP server for tests: it keeps what it is sent, and refuses, hangs, drips or hangs up as it is told."""

import socketserver
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, Self

from tests.serving import serving

# The steps of a conversation at which it can be told to do something else.
CONNECT, AUTH, MAIL, RCPT, DATA, END = "CONNECT", "AUTH", "MAIL FROM", "RCPT TO", "DATA", "END"


class SmtpServer(socketserver.ThreadingTCPServer):
    """Listens on a port of the loopback interface. Each attribute may be changed while it runs.

    Attributes:
        messages: what was taken, in the order of its end.
        connections: how many there were.
        steps: how often each step was come to.
        answers: by step, what is said instead of yes.
        refusals: by recipient, what is said instead of yes.
        hangs_at: the step at which it falls silent, until `release` is called.
        hangs_up_at: the step at which it closes the connection without a word; END comes when the mail is taken.
        drips_at: the step at which its answer comes byte by byte, without an end.
        keeps_dropped: whether a mail counts as taken after which it hangs up.
        closes_after: the connection ends with a 421 once it has taken so many mails; 0 never.
        seconds_per_mail: how long it thinks about each mail.
        wants_sign_in: whether it asks for a name and a password; any will do.
        tls: what it speaks TLS with, from the start of each connection; None for no TLS.
    """

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 100

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Conversation)
        self.messages: list[EmailMessage] = []
        self.connections = 0
        self.steps: Counter[str] = Counter()
        self.answers: dict[str, bytes] = {}
        self.refusals: dict[str, bytes] = {}
        self.hangs_at = self.hangs_up_at = self.drips_at = ""
        self.keeps_dropped = True
        self.closes_after = 0
        self.seconds_per_mail = 0.0
        self.wants_sign_in = False
        self.tls: ssl.SSLContext | None = None
        self._released = threading.Event()
        self._lock = threading.Lock()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    @property
    def mailers(self) -> dict[str, dict[str, object]]:
        """The setting MAILERS that sends here."""
        options = {"host": "127.0.0.1", "port": self.port, "timeout": 5}
        return {"default": {"BACKEND": "django.core.mail.backends.smtp.EmailBackend", "OPTIONS": options}}

    @property
    def recipients(self) -> list[str]:
        """Whom the taken mails are for."""
        return [str(message["To"]) for message in self.messages]

    @property
    def copies(self) -> Counter[str]:
        """How often each mail was taken, by its Message-ID."""
        return Counter(str(message["Message-ID"]) for message in self.messages)

    def recover(self) -> None:
        """Behave from now on, and let go of those whom it keeps waiting."""
        self.answers, self.refusals = {}, {}
        self.hangs_at = self.hangs_up_at = self.drips_at = ""
        self.release()

    def release(self) -> None:
        """Hang up on those whom it keeps waiting."""
        self._released.set()

    @classmethod
    @contextmanager
    def running(cls, port: int = 0) -> Iterator[Self]:
        """Serve for the time of the block; on any free port, or on a given one."""
        with serving(cls(port)) as server:
            try:
                yield server
            finally:
                server.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that breaks the handshake off."""

    def take(self, content: bytes) -> None:
        """Keep a mail."""
        with self._lock:
            self.messages.append(message_from_bytes(content, policy=default))

    def come_to(self, step: str) -> None:
        """Count a step."""
        with self._lock:
            self.steps[step] += 1
            self.connections += step == CONNECT

    def wait(self) -> None:
        """Keep somebody waiting."""
        self._released.wait()


class _HungUp(Exception):  # noqa: N818 - nothing is wrong
    pass


class _Conversation(socketserver.StreamRequestHandler):
    server: SmtpServer

    def setup(self) -> None:
        if self.server.tls is not None:
            self.request.settimeout(5)
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def finish(self) -> None:
        super().finish()
        if self.server.tls is not None:
            self.request.close()  # the server closes the one without TLS

    def handle(self) -> None:
        # Whoever hangs up in the middle, they or we, ends the conversation.
        with suppress(_HungUp, OSError):
            self.answer(CONNECT, b"220 test")
            taken = 0
            while line := self.rfile.readline():
                verb = line.split(b":")[0].strip().upper().decode("latin-1")
                if verb == "QUIT":
                    return self.say(b"221 bye")
                if verb == MAIL and self.server.closes_after and taken >= self.server.closes_after:
                    return self.say(b"421 too many mails on one connection")
                if verb.startswith("EHLO") and self.server.wants_sign_in:
                    self.say(b"250-fine\r\n250 AUTH PLAIN")
                elif verb.startswith("AUTH"):
                    self.answer(AUTH, b"235 welcome")
                elif verb == DATA:
                    taken += self.data()
                elif verb == RCPT:
                    self.answer(
                        RCPT, self.server.refusals.get(line.split(b"<")[1].split(b">")[0].decode(), b"250 fine")
                    )
                else:
                    self.answer(verb, b"250 fine")
        return None

    def data(self) -> bool:
        if not self.answer(DATA, b"354 go on"):
            return False
        lines: list[bytes] = []
        while (part := self.rfile.readline()) != b".\r\n":
            if not part:
                raise _HungUp
            lines.append(part.removeprefix(b".") if part.startswith(b"..") else part)
        time.sleep(self.server.seconds_per_mail)
        refused = END in self.server.answers
        dropped = END in (self.server.hangs_up_at, self.server.hangs_at, self.server.drips_at)
        if not refused and (not dropped or self.server.keeps_dropped):
            self.server.take(b"".join(lines))
        return self.answer(END, b"250 taken")

    def answer(self, step: str, line: bytes) -> bool:
        """Answer a step, or do what it was told to do at it; tells whether the answer is a yes."""
        self.server.come_to(step)
        if step == self.server.hangs_up_at:
            raise _HungUp
        if step == self.server.hangs_at:
            self.server.wait()
            raise _HungUp
        if step == self.server.drips_at:
            while step == self.server.drips_at:
                self.wfile.write(b"2")
                time.sleep(0.01)
            raise _HungUp
        said = self.server.answers.get(step, line)
        self.say(said)
        return said[:1] in b"23"

    def say(self, line: bytes) -> None:
        self.wfile.write(line + b"\r\n")
