"""Explain why the mail server can't be reached, and which setting to check."""

import errno
import smtplib
import socket
import ssl
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

SMTP = "django.core.mail.backends.smtp.EmailBackend"
TLS_PORT = 465  # RFC 8314: TLS from the start
# OpenSSL's X509_V_ERR_* codes.
EXPIRED, NOT_YET_VALID = 10, 9
SELF_SIGNED = frozenset({18, 19})
OTHER_NAME = frozenset({62, 64})
UNREACHABLE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN})


def in_words(error: Exception) -> str:
    """Return what went wrong; empty if the error isn't about the connection.

    The text doesn't contain the host name, because it may be shown to people who need not know it.
    """
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return _unsupported(str(error))
    if isinstance(error, ssl.SSLError):
        return _of_tls(error)
    if isinstance(error, UnicodeError):  # about the host if raised by IDNA, otherwise about the sign-in
        is_host = isinstance(error, UnicodeEncodeError) and error.encoding == "idna"
        return _("SMTP_HOST is not a host name.") if is_host else _("SMTP_USER and SMTP_PASSWORD must be ASCII.")
    if type(error) is smtplib.SMTPException:
        return _(
            "The mail server and this machine have no authentication method in common. Check "
            "SMTP_USER and SMTP_PASSWORD."
        )
    return _of_network(error)


def _of_network(error: Exception) -> str:
    match error:
        case socket.gaierror():
            return _("The mail server's name cannot be resolved (DNS). Check SMTP_HOST.")
        case TimeoutError():
            return _with_hint(_("The mail server did not answer in time."), _silence())
        case ConnectionRefusedError():
            return _with_hint(_("The mail server cannot be reached."), _("Check SMTP_HOST and SMTP_PORT."))
        case OSError() if error.errno in UNREACHABLE:
            return _("The mail server cannot be reached: there is no route to it.")
        case smtplib.SMTPConnectError() if not 200 <= error.smtp_code < 600:
            return _with_hint(_("The server at this port is not a mail server."), _silence())
        case smtplib.SMTPServerDisconnected() | ConnectionError():
            return _with_hint(_("The mail server closed the connection."), _silence())
        case OSError() if error.filename:
            text = _("The mail could not be written to the folder: %(error)s.")
            return text % {"error": error.strerror or type(error).__name__}
    return ""


def _of_tls(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _untrusted(error.verify_code)
    return _(
        "The mail server does not use TLS on this port. For port 587 set SMTP_SSL=false and "
        "SMTP_TLS=true (STARTTLS); for implicit TLS set SMTP_SSL=true and SMTP_PORT=465."
    )


def _with_hint(what: str, hint: str) -> str:
    """Return what happened, followed by the hint if mails are sent by SMTP."""
    is_smtp = settings.MAILERS.get("default", {}).get("BACKEND", SMTP) == SMTP
    return f"{what} {hint}" if is_smtp else what


def _silence() -> str:
    """Return a hint for a server that gives no usable response. Often only one side uses TLS."""
    given: dict[str, Any] = settings.MAILERS.get("default", {}).get("OPTIONS", {})  # type: ignore[assignment]  # by alias
    if given.get("port") == TLS_PORT and not given.get("use_ssl"):
        return _("Port 465 uses implicit TLS: set SMTP_SSL=true.")
    if given.get("use_ssl"):
        return _("Check SMTP_HOST and SMTP_PORT, and whether the port uses implicit TLS (SMTP_SSL).")
    return _("Check SMTP_HOST and SMTP_PORT; a port with implicit TLS needs SMTP_SSL=true.")


def _unsupported(said: str) -> str:
    if "STARTTLS" in said.upper():
        return _(
            "The mail server does not offer STARTTLS on this port. Set SMTP_SSL=true and "
            "SMTP_PORT=465 if it uses TLS there, or SMTP_TLS=false if it is reached over a trusted "
            "network."
        )
    if "AUTH" in said.upper():
        return _(
            "The mail server does not accept a user name and a password on this connection. Set "
            "SMTP_TLS=true or SMTP_SSL=true, or leave out SMTP_USER and SMTP_PASSWORD."
        )
    return _("Mail cannot be sent to this address: the mail server does not support it (SMTPUTF8).")


def _untrusted(code: int) -> str:
    if code in {EXPIRED, NOT_YET_VALID}:
        return _("The mail server's certificate has expired or is not valid yet. Renew it, and check the clocks.")
    if code in OTHER_NAME:
        return _(
            "The mail server's certificate is for another host name. Set SMTP_HOST to the name in the certificate."
        )
    if code in SELF_SIGNED:
        return _(
            "The mail server's certificate is signed by an authority that this machine does not trust "
            "(or self-signed). Add the authority to the machine's, or name it in SSL_CERT_FILE."
        )
    return _(
        "The mail server's certificate cannot be verified. Configure the server to send the whole "
        "chain, or name its authority in SSL_CERT_FILE."
    )
