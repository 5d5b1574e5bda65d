"""Display of a run's options in the admin."""

import json
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from keystone.admin.cells import number
from keystone.observability.logs.masking import masked_data

# In display order.
LABELS = {
    "file": _("File"),
    "fingerprint": _("Checksum (SHA-256)"),
    "source": _("Source"),
    "output": _("Output"),
    "start": _("Started with step"),
    "files": _("Files of the steps"),
    "count": _("Number of rows"),
    "existing": _("Existing rows"),
    "unique": _("Identified by"),
    "columns": _("Columns"),
    "partial": _("Partial"),
    "truncate": _("Table emptied first"),
    "skip_empty": _("Empty rows skipped"),
    "ignore_unknown": _("Unknown columns ignored"),
}
NOTHING: tuple[Any, ...] = (None, "", [], {})


def options_in_words(options: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the label and the value of each given option. Options without a label come last, under their own name."""
    given = {name: value for name, value in masked_data(options).items() if value not in NOTHING}
    names = [*(name for name in LABELS if name in given), *(name for name in given if name not in LABELS)]
    return [(str(LABELS.get(name, name)), _text(given[name])) for name in names]


def _text(value: Any) -> str:
    match value:
        case bool():
            return gettext("yes") if value else gettext("no")
        case int():
            return number(value)
        case str() if value.isprintable() and value.strip() == value:
            return value
        case list() if all(isinstance(part, str) for part in value):
            return ", ".join(value)
        case dict() if all(isinstance(part, str) for part in value.values()):
            return "\n".join(f"{name} → {part}" for name, part in value.items())
    return json.dumps(value, indent=2, ensure_ascii=False)  # such as a name with a space at its end
