"""Widgets that read the cells of an imported file: text, or the dates, numbers and booleans of a workbook.

An invalid cell is refused, never guessed: a word that is read as "no" would go unnoticed.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from import_export.widgets import Widget

from keystone import email_address
from keystone.accounts.models import User
from keystone.accounts.names import composed, validate_name
from keystone.data.cells import as_moment, as_text, as_yes_or_no

SEPARATOR = ";"  # between group names, which may contain commas


class AddressWidget(Widget):
    """An email address in its normalized spelling."""

    def clean(self, value: Any, row: Mapping[str, Any] | None = None, **kwargs: Any) -> str:
        """Return the normalized email address.

        Raises:
            ValidationError: it is invalid.
        """
        return email_address.normalize(as_text(value).strip())


class NameWidget(Widget):
    """A first or last name."""

    def clean(self, value: Any, row: Mapping[str, Any] | None = None, **kwargs: Any) -> str:
        """Return the name.

        Raises:
            ValidationError: it is invalid or too long.
        """
        name = composed(as_text(value).strip())
        validate_name(name)
        User._meta.get_field("first_name").clean(name, None)  # the last name may be as long
        return name


class YesNoWidget(Widget):
    """Yes, no, or nothing."""

    def clean(self, value: Any, row: Mapping[str, Any] | None = None, **kwargs: Any) -> bool | None:
        """Return True for yes, False for no, None for nothing.

        Raises:
            ValidationError: it is none of these.
        """
        return as_yes_or_no(value)


class MomentWidget(Widget):
    """A time in ISO 8601, or a date, which means midnight. In UTC if it has no offset."""

    def clean(self, value: Any, row: Mapping[str, Any] | None = None, **kwargs: Any) -> datetime | None:
        """Return the time in UTC, or None for an empty cell.

        Raises:
            ValidationError: it is invalid.
        """
        found = as_moment(value)
        text = str(found).strip()
        try:
            moment = found if isinstance(found, datetime) else datetime.fromisoformat(text) if text else None
            if moment is None or moment.tzinfo is not None:
                return moment and moment.astimezone(UTC)
            return moment.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            said = gettext("“%(text)s” is not a valid time. Write it as 2026-12-31 or 2026-12-31T18:00 (UTC).")
            raise ValidationError(said % {"text": text}) from None


class GroupsWidget(Widget):
    """Group names separated by semicolons. Each is looked up once."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[str, Group] = {}

    def clean(self, value: Any, row: Mapping[str, Any] | None = None, **kwargs: Any) -> list[Group]:
        """Return the groups, in the order of the cell.

        Raises:
            ValidationError: a group doesn't exist.
        """
        parts = (composed(name.strip()) for name in as_text(value).split(SEPARATOR))
        names = list(dict.fromkeys(filter(None, parts)))
        new = [name for name in names if name not in self._known]
        if new:
            self._known |= {group.name: group for group in Group.objects.filter(name__in=new)}
        missing = [name for name in names if name not in self._known]
        if missing:
            said = gettext("There is no group called %(names)s.")
            raise ValidationError(said % {"names": ", ".join(f"“{name}”" for name in missing)})
        return [self._known[name] for name in names]
