"""Errors of commands: one line, and an exit status other than 0."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.management.base import CommandError
from django.db import InterfaceError, OperationalError
from django.utils.translation import gettext

from keystone.console.printing import printable
from keystone.exceptions import Refusal
from keystone.text.one_line import in_one_line


@contextmanager
def refusals_told() -> Iterator[None]:
    """Turn refusals, invalid values or settings, and database failures in the block into one-line errors.

    Raises:
        CommandError: with that line.
    """
    try:
        yield
    except Refusal as refusal:
        raise CommandError(printable(_line_of(refusal))) from None
    except ValidationError as error:
        raise CommandError(printable(" ".join(error.messages))) from None
    except ImproperlyConfigured as error:
        raise CommandError(printable(str(error))) from None
    except (OperationalError, InterfaceError) as error:
        said = in_one_line(error)
        text = gettext("Database error: %(said)s") % {"said": said}
        raise CommandError(printable(text)) from error


def _line_of(refusal: Refusal) -> str:
    """Return the refusal's message, followed by the errors of its fields."""
    fields = [f"{name}: {' '.join(said)}" for name, said in refusal.fields.items() if said != [refusal.detail]]
    return " ".join([refusal.detail, *fields]).strip()
