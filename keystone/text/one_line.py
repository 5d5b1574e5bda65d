"""Exceptions on one line, for logs and terminals."""

from keystone.text.escaping import escaped


def in_one_line(error: BaseException) -> str:
    """Return the exception's message on one line, or the name of its class if it is empty, escaped for the database."""
    return escaped(" ".join(str(error).split())) or type(error).__name__
