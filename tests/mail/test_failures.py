"""What follows from an error: another attempt or none, and the words for it."""

import errno
import smtplib
import socket
import ssl
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from keystone.mail import failures
from keystone.mail.failures import Failure
from keystone.mail.models import OutgoingMail
from tests.mail.certificates import certificate, server_context
from tests.mail.smtp_server import AUTH, CONNECT, SmtpServer

TOKEN = "kJ8" * 14


def reason_of(error: Exception) -> str:
    failure = failures.of_opening(error)
    assert failure == Failure(
        failure.reason, type(error).__name__, is_lost=True, is_everybodys=True, is_final=False, is_late=failure.is_late
    )
    return failure.reason


def test_what_keeps_the_connection_from_opening_is_everybodys_and_never_final() -> None:
    untrusted = "The mail server's certificate cannot be verified. Configure the server to send the whole"
    for error, reason in (
        (
            smtplib.SMTPAuthenticationError(535, b"5.7.8 wrong password"),
            (
                "The mail server refuses the user name or password: 535 5.7.8 wrong password. Check "
                "SMTP_USER and SMTP_PASSWORD."
            ),
        ),
        (
            smtplib.SMTPConnectError(554, b"no service here"),
            "The mail server refuses the connection: 554 no service here",
        ),
        (
            smtplib.SMTPResponseException(454, b"no TLS now"),
            "The mail server refuses the connection: 454 no TLS now",
        ),
        (
            smtplib.SMTPException("No suitable authentication method found."),
            (
                "The mail server and this machine have no authentication method in common. Check "
                "SMTP_USER and SMTP_PASSWORD."
            ),
        ),
        (UnicodeEncodeError("idna", ".", 0, 1, "empty"), "SMTP_HOST is not a host name."),
        (UnicodeEncodeError("ascii", "é", 0, 1, "x"), "SMTP_USER and SMTP_PASSWORD must be ASCII."),
        (socket.gaierror(), "The mail server's name cannot be resolved (DNS). Check SMTP_HOST."),
        (ssl.SSLCertVerificationError(), untrusted),
        (OSError(errno.EHOSTUNREACH, "No route"), "The mail server cannot be reached: there is no route to it."),
        (
            smtplib.SMTPNotSupportedError("SMTP AUTH extension not supported by server."),
            "The mail server does not accept",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "/mails"),
            "The mail could not be written to the folder:",
        ),
        (OSError("odd"), "The connection to the mail server failed: OSError."),
        (KeyError("x"), "The mail could not be sent: KeyError."),
    ):
        if isinstance(error, ssl.SSLCertVerificationError):
            error.verify_code = 20
        assert reason_of(error).startswith(reason), error


def told(settings: Settings, **options: object) -> str:
    """What `email test --now` says with these options of the mailer; the outbox's row says it as well."""
    given = {"host": "127.0.0.1", "timeout": 1, **options}
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.smtp.EmailBackend", "OPTIONS": given}}
    with pytest.raises(CommandError) as raised:
        call_command("email", "test", "ada@example.com", "--now")
    said = str(raised.value).removeprefix("Not sent: ").removesuffix(" A worker will try again.")
    assert OutgoingMail.objects.latest("pk").last_error == said
    return said


@pytest.mark.django_db
@pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning")
def test_each_wrong_setting_is_told_in_plain_words(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SmtpServer.running() as plain:
        no_starttls = told(settings, port=plain.port, use_tls=True)
        assert no_starttls.startswith("The mail server does not offer STARTTLS on this port. Set SMTP_SSL=true and")
        assert "or SMTP_TLS=false" in no_starttls
        no_tls = told(settings, port=plain.port, use_ssl=True)
        assert no_tls.startswith("The mail server does not use TLS on this port. For port 587 set SMTP_SSL=false and")
        no_sign_in = told(settings, port=plain.port, username="ada", password="x")
        assert no_sign_in.startswith("The mail server does not accept a user name and a password on this connection.")
        plain.wants_sign_in = True
        plain.answers = {AUTH: b"535 5.7.8 no"}
        refused = told(settings, port=plain.port, username="ada", password="x")
        assert (
            refused
            == "The mail server refuses the user name or password: 535 5.7.8 no. Check SMTP_USER and SMTP_PASSWORD."
        )
        plain.hangs_at = CONNECT
        assert told(settings, port=plain.port).startswith("The mail server did not answer in time. Check SMTP_HOST and")
        port = plain.port
    assert told(settings, port=port) == "The mail server cannot be reached. Check SMTP_HOST and SMTP_PORT."
    nowhere = told(settings, host="mail.nowhere.invalid", port=25)
    assert nowhere == "The mail server's name cannot be resolved (DNS). Check SMTP_HOST."
    assert told(settings, host=".example.com", port=25) == "SMTP_HOST is not a host name."

    with SmtpServer.running() as encrypted:
        own = certificate(tmp_path)
        encrypted.tls = server_context(own)
        plain_to_tls = told(settings, port=encrypted.port)
        assert plain_to_tls.endswith("Check SMTP_HOST and SMTP_PORT; a port with implicit TLS needs SMTP_SSL=true.")
        unknown = told(settings, port=encrypted.port, use_ssl=True)
        assert unknown.startswith("The mail server's certificate is signed by an authority that this machine does not")
        for path, said in (
            (
                certificate(tmp_path, name="mail.example.com"),
                "The mail server's certificate is for another host name. Set",
            ),
            (certificate(tmp_path, days=-1), "The mail server's certificate has expired or is not valid yet. Renew"),
        ):
            encrypted.tls = server_context(path)
            monkeypatch.setenv("SSL_CERT_FILE", str(path))
            assert told(settings, port=encrypted.port, use_ssl=True).startswith(said)
        encrypted.tls = server_context(own)
        monkeypatch.setenv("SSL_CERT_FILE", str(own))
        settings.MAILERS["default"]["OPTIONS"] |= {"port": encrypted.port}
        call_command("email", "test", "ada@example.com", "--now")
        assert encrypted.recipients == ["ada@example.com"]


def test_a_server_that_refuses_our_greeting_ends_no_mail() -> None:
    """Without TLS and sign-in, smtplib says EHLO only when the first mail is sent."""
    failure = failures.of_sending(smtplib.SMTPHeloError(550, b"who are you?"))
    reason = "The mail server refuses the connection: 550 who are you?"
    assert failure == Failure(reason, "SMTPHeloError", is_everybodys=True)


def test_port_465_without_tls_is_told(settings: Settings) -> None:
    settings.MAILERS = {"default": {"OPTIONS": {"port": 465, "use_ssl": False}}}
    said = reason_of(TimeoutError())
    assert said == "The mail server did not answer in time. Port 465 uses implicit TLS: set SMTP_SSL=true."


def test_a_server_may_not_repeat_a_token_or_a_link() -> None:
    said = f"refused: {TOKEN} in http://id.example.com/reset-password/x and\r\n%2Freset-password%2F{TOKEN}"
    assert failures.quoted(said.encode()) == "refused: … in … and …"
    assert len(failures.quoted("word " * 200)) == failures.ANSWER_LENGTH


def test_words_of_any_encoding_can_be_quoted() -> None:
    assert failures.quoted(b"n\xf6 such \x00mailbox") == "n\ufffd such mailbox"
