"""An exception in one line, for logs and terminals."""

from keystone.text.escaping import escaped


def in_one_line(error: BaseException) -> str:
    """What it says, or its class where it says nothing; with file names that the database can keep."""
    return escaped(" ".join(str(error).split())) or type(error).__name__
