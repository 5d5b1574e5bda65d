"""Classify failures of sending: retry, or give up."""

import re
import smtplib
import ssl
from dataclasses import dataclass, replace

from anymail.exceptions import (
    AnymailAPIError,
    AnymailError,
    AnymailInvalidAddress,
    AnymailRecipientsRefused,
)
from django.utils.translation import gettext as _

from keystone.mail import connection_faults
from keystone.mail.registry import UnknownEmail

SERVICE_NOT_AVAILABLE = 421  # RFC 5321: the server closes the connection, often after so many mails
ABOUT_THE_SENDER = frozenset(
    {530, 534, 535, 538}
)  # RFC 4954: the sender must sign in first; the recipient is not to blame
ANSWER_LENGTH = 200  # characters

# A mail server may repeat what it rejects: links, and words long enough to be a token.
_LINK = re.compile(r"\w+://\S+|[\w-]{20,}|\S*%2F\S*", re.IGNORECASE)


@dataclass(frozen=True)
class Failure:
    """Why a mail was not sent.

    Attributes:
        reason: the reason in plain words, for administrators; without links and without the mail's text.
        error: the name of the exception, which is all that is logged.
        is_final: whether another attempt would fail in the same way.
        is_lost: whether the connection can't be used any more.
        is_late: whether the server did not respond in time.
        is_everybodys: whether no other mail can be sent now, either.
    """

    reason: str
    error: str = ""
    is_final: bool = False
    is_lost: bool = False
    is_late: bool = False
    is_everybodys: bool = False


def of_making(error: Exception) -> Failure:
    """Return the failure of a mail that couldn't be built. It isn't final: a new release may fix it in time."""
    name = type(error).__name__
    if isinstance(error, UnknownEmail):
        return Failure(_("This worker does not know a mail of this name."), name)
    return Failure(_("The mail could not be rendered: %(error)s.") % {"error": name}, name)


def of_opening(error: Exception) -> Failure:
    """Return the failure of a connection that couldn't be opened. It isn't about the mail, so it is never final."""
    failure = of_sending(error)
    reason = connection_faults.in_words(_underlying(error)) or failure.reason
    return replace(failure, reason=reason, is_final=False, is_lost=True, is_everybodys=True)


def of_sending(error: Exception) -> Failure:
    """Return the failure of a mail that the mail server didn't accept."""
    return replace(_judged(error), error=type(error).__name__)


def _judged(error: Exception) -> Failure:
    if isinstance(error, AnymailError):
        return _of_provider(error)
    if isinstance(error, smtplib.SMTPResponseException | smtplib.SMTPRecipientsRefused):
        return _of_answer(error)
    error = _underlying(error)
    match error:
        case ValueError() if not isinstance(error, OSError):  # an untrusted certificate is both
            return Failure(_("Mail cannot be sent to this address."), is_final=True)
        case TimeoutError():
            return Failure(_("The mail server did not answer in time."), is_lost=True, is_late=True)
        case ConnectionRefusedError():
            return Failure(_("The mail server cannot be reached."), is_lost=True)
        case smtplib.SMTPServerDisconnected() | ConnectionError():
            return Failure(_("The mail server closed the connection."), is_lost=True)
        case smtplib.SMTPNotSupportedError():
            return Failure(connection_faults.in_words(error), is_final=True)
        case OSError():
            said = _("The connection to the mail server failed: %(error)s.") % {"error": type(error).__name__}
            return Failure(connection_faults.in_words(error) or said, is_lost=True)
    return Failure(_("The mail could not be sent: %(error)s.") % {"error": type(error).__name__})


def _underlying(error: Exception) -> Exception:
    """Return the cause of what smtplib reports as a disconnection: a timeout, or a failed TLS handshake."""
    if isinstance(error, smtplib.SMTPServerDisconnected) and isinstance(error.__context__, TimeoutError | ssl.SSLError):
        return error.__context__
    return error


def _of_answer(error: smtplib.SMTPResponseException | smtplib.SMTPRecipientsRefused) -> Failure:
    """Classify the response of an SMTP server."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return _refused(_("The mail server refuses the address"), *next(iter(error.recipients.values())))
    code, text = error.smtp_code, error.smtp_error
    if isinstance(error, smtplib.SMTPSenderRefused):
        answer = _refused(_("The mail server refuses the sender"), code, text)
        hint = ""
        if code in ABOUT_THE_SENDER:
            hint = _("Set SMTP_USER and SMTP_PASSWORD, and SMTP_TLS=true or SMTP_SSL=true.")
        elif code >= 500:
            hint = _("Check EMAILS_FROM_EMAIL.")
        reason = f"{answer.reason.rstrip('.')}. {hint}" if hint else answer.reason
        return replace(answer, reason=reason, is_final=False, is_everybodys=not answer.is_lost)
    if isinstance(error, smtplib.SMTPAuthenticationError):
        answer = _refused(_("The mail server refuses the user name or password"), code, text)
        return replace(answer, reason=f"{answer.reason.rstrip('.')}. {_('Check SMTP_USER and SMTP_PASSWORD.')}")
    if isinstance(error, smtplib.SMTPDataError):
        return _refused(_("The mail server refuses the mail"), code, text)
    answer = _refused(_("The mail server refuses the connection"), code, text)
    return replace(answer, is_final=False, is_everybodys=not answer.is_lost)  # a greeting, EHLO or STARTTLS


def _of_provider(error: AnymailError) -> Failure:
    """Classify the error of a provider's API."""
    if isinstance(error, AnymailRecipientsRefused):
        return Failure(_("The provider refuses to send to this address."), is_final=True)
    if isinstance(error, AnymailInvalidAddress):
        return Failure(_("Mail cannot be sent to this address."), is_final=True)
    if not isinstance(error, AnymailAPIError):
        return Failure(_("The provider cannot send this mail: %(error)s.") % {"error": type(error).__name__})
    status = error.status_code
    if status is None:
        return Failure(
            _("The provider cannot be reached. Check EMAIL_PROVIDER_URL, and the network."), is_everybodys=True
        )
    said = _("The provider answered with the HTTP status %(status)d.") % {"status": status}
    hints = {401: _("Check EMAIL_PROVIDER_KEY."), 403: _("Check EMAIL_PROVIDER_KEY, and what the key may do there.")}
    hints[404] = _("Check EMAIL_PROVIDER_URL, and whether the sender's domain is set up there.")
    said = f"{said} {hints[status]}" if status in hints else said
    return Failure(said, is_everybodys=status in {401, 403, 404, 408, 429} or status >= 500)


def quoted(text: bytes | str) -> str:
    """Return a mail server's response on one line, without links and tokens, cut to `ANSWER_LENGTH`."""
    said = " ".join((text if isinstance(text, str) else text.decode("utf-8", "replace")).split())
    return _LINK.sub("…", said.replace("\x00", ""))[:ANSWER_LENGTH]


def _refused(what: str, code: int, text: bytes | str) -> Failure:
    answer = quoted(text)
    final = 500 <= code < 600 and code not in ABOUT_THE_SENDER
    return Failure(f"{what}: {code} {answer}".rstrip(), is_final=final, is_lost=code == SERVICE_NOT_AVAILABLE)
