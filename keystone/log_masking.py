"""Keeping the tokens of mailed links out of the log, whoever writes the line."""

import logging
import re

# The pages that a link opens (see `keystone.accounts.emails.link`), also inside the query of another address.
_TOKEN = re.compile(
    r"((?:/|%2F)(?:verify-email|reset-password|confirm-email|revert-email|accept-invitation)(?:/|%2F))[\w-]{20,}",
    re.ASCII | re.IGNORECASE,
)


def masked(text: str) -> str:
    """The text with `…` for each token that stands in the path of a link."""
    return _TOKEN.sub(r"\1…", text)


class MaskingFormatter(logging.Formatter):
    """Writes a line without the tokens in it.

    Django logs the path of whatever it refuses, and runserver that of every request; a token in it may still work.
    What is masked is the finished line: its message and arguments, the traceback, and how a request shows itself.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line, and the traceback below it where there is one."""
        return masked(super().format(record))
