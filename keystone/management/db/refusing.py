"""Error handling of `manage.py db`, including missing rights, read-only databases and unreadable files."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError
from django.db import Error
from django.utils.translation import gettext

from keystone.console.printing import printable
from keystone.console.refusing import refusals_told
from keystone.text.one_line import in_one_line


@contextmanager
def errors_told() -> Iterator[None]:
    """Turn refusals, database errors and operating system errors in the block into one line.

    Raises:
        CommandError: with that line.
    """
    try:
        with refusals_told():
            yield
    except Error as error:
        text = gettext("Database error: %(said)s") % {"said": in_one_line(error)}
        raise CommandError(printable(text)) from error
    except OSError as error:
        raise CommandError(
            printable(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        ) from error
