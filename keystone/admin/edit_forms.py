"""Forms that save only what was changed in them, and refuse to overwrite somebody else's change."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.forms.widgets import MultipleHiddenInput
from django.utils.translation import gettext as _

if TYPE_CHECKING:
    Base = forms.ModelForm[Any]
else:
    Base = object


LastChange = Callable[[Model, str], str]


def _unknown(row: Model, field: str) -> str:
    return ""


_last_change: LastChange = _unknown


def tells_last_change(function: LastChange) -> LastChange:
    """Register the function that says who changed a field of a row last; empty where nobody knows."""
    global _last_change  # noqa: PLW0603 - the audit log stands above the admin, and registers itself
    _last_change = function
    return function


class MultipleInitial(MultipleHiddenInput):
    """What was chosen when the page was shown; it also says so where nothing was."""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """At least one input."""
        return super().get_context(name, value or [""], attrs)

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        """The choices, without the input that stands for none."""
        return [value for value in super().value_from_datadict(data, files, name) or () if value != ""]


class EditFormMixin(Base):
    """Keeps in the page what each field was when the page was shown.

    A field that the form did not change stays as it is now. One that the form changed is refused if somebody else has
    changed it to something else since. Where the page does not tell what it showed, as in a script's POST, every field
    counts as shown as it is now. Lock the row before the form is made.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            if isinstance(field, forms.ModelMultipleChoiceField | forms.MultipleChoiceField):
                field.hidden_widget = MultipleInitial
            field.show_hidden_initial = not self.is_bound or self._was_told(name)

    def _was_told(self, name: str) -> bool:
        widget = self.fields[name].hidden_widget()
        return not widget.value_omitted_from_data(self.data, self.files, self.add_initial_prefix(name))

    def _post_clean(self) -> None:
        """Refuse what conflicts, and leave out what the form did not change."""
        for name in [*self.cleaned_data]:
            if name not in self.fields:
                continue
            if name not in self.changed_data:
                del self.cleaned_data[name]
            elif self._is_changed_by_others(name):
                self.add_error(name, ValidationError(self._conflict(name), code="changed_meanwhile"))
        super()._post_clean()  # type: ignore[misc]  # the stubs leave Django's own hook out

    def _is_changed_by_others(self, name: str) -> bool:
        """Whether the field is neither what the page showed nor what the form makes it."""
        field, now = self.fields[name], self[name].initial
        if not field.show_hidden_initial:
            return False
        shown = field.hidden_widget().value_from_datadict(self.data, self.files, self.add_initial_prefix(name))
        kept = _as_typed(now)
        return all(field.has_changed(kept, _as_typed(value)) for value in (shown, self[name].data))

    def _conflict(self, name: str) -> str:
        who = _last_change(self.instance, name)
        if not who:
            return _("This was changed meanwhile. Open the page again to see it.")
        return _("This was changed meanwhile by %(who)s. Open the page again to see it.") % {"who": who}


def _as_typed(value: Any) -> Any:
    """A text without what a browser changes: the ends of lines, and space around it, which fields strip."""
    return "\n".join(value.strip().splitlines()) if isinstance(value, str) else value


def edit_form(base: type[Any]) -> type[Any]:
    """The form class `base` as one for a row that others may change meanwhile."""
    return type(base.__name__, (EditFormMixin, base), {"__module__": base.__module__})
