"""The optional check for breached passwords. It fails open."""

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import httpx
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from pwned_passwords_django.api import (  # type: ignore[import-untyped]  # ships no types
    PwnedPasswords,
    default_client,
)
from pwned_passwords_django.exceptions import PwnedPasswordsError  # type: ignore[import-untyped]  # ships no types

logger = logging.getLogger(__name__)
MOST_QUESTIONS = 8  # at once, so that a hanging service holds no more threads than these
LONGEST_ANSWER = 256 * 1024  # bytes; with padding it is some 80 KiB


class BreachedPasswordValidator:
    """A validator that refuses passwords that Have I Been Pwned, or a compatible service, knows from a breach.

    See NIST SP 800-63B-4, section 3.1.1.2 and OWASP ASVS 5.0, 6.2.12. Only the first five characters of the password's
    SHA-1 leave this machine (the range query, k-anonymity), and padding hides from the network which range was queried.
    If the service is down, hangs, redirects or sends an invalid response, every password passes. A line in the log
    says so, without any part of the password.

    The client is that of pwned-passwords-django, which turns every failure of a request into its own exception. Its
    validator is not used, because on failure it falls back to its own list. The client's timeout applies to each read
    and each address of the host and not to the whole request, so a slow name server or a trickling response could block
    a request for minutes. Therefore each query runs in a thread, which is abandoned when its time is up.
    """

    def __init__(self, *, endpoint: str, timeout: float) -> None:
        """Create the client. Nothing is sent yet.

        Args:
            endpoint: the URL of the range query, to which `/` and five hexadecimal digits are appended.
            timeout: seconds for a whole query.
        """
        self.timeout = timeout
        self._places = threading.BoundedSemaphore(MOST_QUESTIONS)
        # Redirects are not followed. Without `async_client`, the library would create one that is never used.
        self._client = PwnedPasswords(
            client=httpx.Client(event_hooks={"response": [_limit]}), async_client=default_client.async_client
        )
        self._client.api_endpoint = endpoint.rstrip("/") + "/"
        self._client.request_timeout = httpx.Timeout(timeout)
        self._client.add_padding = True

    @sensitive_variables("password")
    def validate(self, password: str, user: Any = None) -> None:
        """Validate a new password.

        Raises:
            ValidationError: `password_breached`.
        """
        if self._is_breached(password):
            message = _("This password has appeared in a data breach, so attackers try it. Choose another one.")
            raise ValidationError(message, code="password_breached")

    def get_help_text(self) -> str:
        """Return the rule for users who choose a password."""
        return _("Your password cannot be one that has appeared in a data breach.")

    def _is_breached(self, password: str) -> bool:
        try:
            return bool(self._ask(password).result(timeout=self.timeout))
        except PwnedPasswordsError as error:
            reason = error.code.value  # its text and parameters may contain the prefix
        except Exception as error:  # noqa: BLE001 - no error may keep users from registering
            reason = type(error).__name__
        logger.warning("The breach service gave no answer (%s); the password passed without its judgement.", reason)
        return False

    def _ask(self, password: str) -> Future[int]:
        """Send the query from a separate thread.

        Raises:
            TooManyQuestions: too many queries are still unanswered.
            RuntimeError: no more threads can be started.
        """
        answer: Future[int] = Future()

        @sensitive_variables("password")
        def ask() -> None:
            try:
                answer.set_result(self._client.check_password(password))
            except Exception as error:  # noqa: BLE001 - raised again by `Future.result`
                answer.set_exception(error)
            finally:
                self._places.release()

        if not self._places.acquire(blocking=False):
            raise TooManyQuestions
        try:
            threading.Thread(target=ask, name="breach-service", daemon=True).start()
        except RuntimeError:
            self._places.release()
            raise
        return answer


class TooManyQuestions(Exception):  # noqa: N818 - it never leaves this module
    """The service has not answered the earlier queries."""


class _Limited(httpx.SyncByteStream):
    """A response body that raises an error if it is longer than any that the service sends."""

    def __init__(self, stream: httpx.SyncByteStream) -> None:
        self.stream = stream

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for chunk in self.stream:
            size += len(chunk)
            if size > LONGEST_ANSWER:
                raise httpx.ReadError("The answer is too long.")
            yield chunk

    def close(self) -> None:
        self.stream.close()


def _limit(response: httpx.Response) -> None:
    assert isinstance(response.stream, httpx.SyncByteStream)  # noqa: S101 - the stream of a synchronous client
    response.stream = _Limited(response.stream)
