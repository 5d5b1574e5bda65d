"""Reasons why a row was refused, for the person who corrects the file."""

from collections.abc import Iterable, Mapping

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import DataError, Error, IntegrityError
from import_export.results import RowResult

from keystone.exceptions import Refusal
from keystone.text.one_line import in_one_line


def reason_of(error: BaseException, columns: Mapping[str, str] | None = None) -> str:
    """Return the message of an error in one line.

    Args:
        columns: the file's column names by field name.
    """
    return " ".join(_reason(error, columns or {}).split())


def _reason(error: BaseException, columns: Mapping[str, str]) -> str:
    if isinstance(error, ValidationError):
        if not hasattr(error, "error_dict"):
            return " ".join(error.messages)
        return _by_column(error.message_dict, columns)
    if isinstance(error, Refusal):
        # The messages of the fields include the general message.
        return _by_column(error.fields, columns) or error.detail
    if isinstance(error, ValueError | Error):
        return in_one_line(error)
    return f"{type(error).__name__}: {in_one_line(error)}"


def is_of_the_row(error: BaseException) -> bool:
    """Return whether the row caused the error. Operational errors of the database are not caused by a row."""
    return not isinstance(error, Error) or isinstance(error, DataError | IntegrityError)


def reason_of_result(result: RowResult, columns: Mapping[str, str]) -> str:
    """Return why django-import-export refused a row, or an empty string if it did not.

    Raises:
        Error: a database error that the row did not cause.
    """
    said = []
    for found in result.errors:
        if not is_of_the_row(found.error):
            raise found.error
        said.append(reason_of(found.error, columns))
    if result.validation_error is not None:
        said.append(reason_of(result.validation_error, columns))
    return " ".join(said)


def _by_column(messages: Mapping[str, Iterable[str]], columns: Mapping[str, str]) -> str:
    parts = []
    for name, texts in messages.items():
        text = " ".join(str(text) for text in texts)
        parts.append(text if name in {NON_FIELD_ERRORS, ""} else f"{columns.get(name, name)}: {text}")
    return " ".join(parts)
