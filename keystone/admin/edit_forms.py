"""Forms that save only changed fields and refuse to overwrite somebody else's change."""

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


def provides_last_change(function: LastChange) -> LastChange:
    """Register the function that returns who changed a field of a row last; empty if unknown."""
    global _last_change  # noqa: PLW0603 - the audit log depends on the admin and registers itself
    _last_change = function
    return function


class MultipleInitial(MultipleHiddenInput):
    """A hidden widget with the choices when the page was shown, even if there were none."""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Render at least one input."""
        return super().get_context(name, value or [""], attrs)

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        """Return the choices, without the empty input that stands for none."""
        return [value for value in super().value_from_datadict(data, files, name) or () if value != ""]


class EditFormMixin(Base):
    """Keeps each field's initial value in the page.

    Fields that the user didn't change keep their current value. A changed field is refused if somebody else has changed
    it to a different value since the page was shown. If the initial values are missing, as in a script's POST, the
    current values are used instead. Lock the row before creating the form.
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
        """Refuse conflicting changes, and skip unchanged fields."""
        for name in [*self.cleaned_data]:
            if name not in self.fields:
                continue
            if name not in self.changed_data:
                del self.cleaned_data[name]
            elif self._is_changed_by_others(name):
                self.add_error(name, ValidationError(self._conflict(name), code="changed_meanwhile"))
        super()._post_clean()  # type: ignore[misc]  # the stubs leave Django's own hook out

    def _is_changed_by_others(self, name: str) -> bool:
        """Return whether the current value differs from both the initial and the submitted value."""
        field, now = self.fields[name], self[name].initial
        if not field.show_hidden_initial:
            return False
        shown = field.hidden_widget().value_from_datadict(self.data, self.files, self.add_initial_prefix(name))
        kept = _as_typed(now)
        return all(field.has_changed(kept, _as_typed(value)) for value in (shown, self[name].data))

    def _conflict(self, name: str) -> str:
        who = _last_change(self.instance, name)
        if not who:
            return _("This has been changed in the meantime. Reload the page to see the change.")
        return _("This has been changed in the meantime by %(who)s. Reload the page to see the change.") % {"who": who}


def _as_typed(value: Any) -> Any:
    """Normalize line endings, which browsers change, and strip surrounding whitespace, as fields do."""
    return "\n".join(value.strip().splitlines()) if isinstance(value, str) else value


def edit_form(base: type[Any]) -> type[Any]:
    """Return a subclass of the form class `base` that uses `EditFormMixin`."""
    return type(base.__name__, (EditFormMixin, base), {"__module__": base.__module__})
