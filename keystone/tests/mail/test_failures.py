"""What follows from an error: another attempt or none, and the words for it."""

import smtplib
import socket
import ssl

import pytest

from keystone.mail import failures
from keystone.mail.failures import Failure

TOKEN = "kJ8" * 14


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            smtplib.SMTPAuthenticationError(535, b"5.7.8 wrong password"),
            "The mail server refuses our sign-in: 535 5.7.8 wrong password",
        ),
        (
            smtplib.SMTPConnectError(554, b"no service here"),
            "The mail server refuses the mail: 554 no service here",
        ),
        (socket.gaierror(), "The connection to the mail server failed: gaierror."),
        (
            ssl.SSLCertVerificationError(),
            "The connection to the mail server failed: SSLCertVerificationError.",
        ),
        (
            smtplib.SMTPNotSupportedError(),
            "The connection to the mail server failed: SMTPNotSupportedError.",
        ),
        (KeyError("x"), "The mail could not be sent: KeyError."),
    ],
)
def test_what_keeps_the_connection_from_opening_is_everybodys_and_never_final(error: Exception, reason: str) -> None:
    assert failures.of_opening(error) == Failure(
        reason, type(error).__name__, is_lost=True, is_everybodys=True, is_final=False
    )


def test_a_server_may_not_repeat_a_token_or_a_link() -> None:
    said = f"refused: {TOKEN} in http://id.example.com/reset-password/x and\r\n%2Freset-password%2F{TOKEN}"
    assert failures.quoted(said.encode()) == "refused: … in … and …"
    assert len(failures.quoted("word " * 200)) == failures.ANSWER_LENGTH


def test_words_of_any_encoding_can_be_quoted() -> None:
    assert failures.quoted(b"n\xf6 such \x00mailbox") == "n\ufffd such mailbox"
