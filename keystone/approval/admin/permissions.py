"""The permission picker: grouped, in plain words, without silently dropping any."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.auth.models import Permission
from django.db.models import Q
from django.forms.models import ModelChoiceIterator, ModelChoiceIteratorValue
from django.utils.translation import gettext_lazy as _

from keystone.accounts.names import composed
from keystone.accounts.permission_words import in_groups, meaningful, words_of

if TYPE_CHECKING:
    ChoiceIterator = ModelChoiceIterator[Permission]
    MultipleChoiceField = forms.ModelMultipleChoiceField[Permission]
else:
    ChoiceIterator, MultipleChoiceField = ModelChoiceIterator, forms.ModelMultipleChoiceField


class GroupedPermissions(ChoiceIterator):
    """The choices, grouped by subject."""

    def __iter__(self) -> Iterator[Any]:
        """Yield each group with its choices, in one query."""
        for subject, rows in in_groups(self.queryset):
            choices = [(ModelChoiceIteratorValue(row.pk, row), str(words.title)) for row, words in rows]
            yield subject, choices


class PermissionBoxes(forms.CheckboxSelectMultiple):
    """A box for each permission, with a sentence that says what it allows."""

    template_name = "keystone/admin/permission_boxes.html"

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> Any:
        option = super().create_option(name, value, *args, **kwargs)
        option["sentence"] = words_of(value.instance).sentence
        return option


class PermissionsField(MultipleChoiceField):
    """A choice of the permissions in use."""

    iterator = GroupedPermissions

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(meaningful(), *args, required=False, **kwargs)

    def keep(self, held: Any) -> None:
        """Also offer the permissions in `held`: those that are not shown would be removed on saving."""
        kept = Q(pk__in=meaningful().values("pk")) | Q(pk__in=held.values("pk"))
        self.queryset = Permission.objects.filter(kept).select_related("content_type")


class GroupForm(forms.ModelForm):  # type: ignore[type-arg]  # the class takes no argument at run time
    """A group: its name, and a box for each permission.

    The name is stored composed (NFC), so that it is found however it is typed.
    """

    permissions = PermissionsField(label=_("Permissions"), widget=PermissionBoxes())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and "permissions" in self.fields:
            self.fields["permissions"].keep(self.instance.permissions)  # type: ignore[attr-defined]  # a PermissionsField

    def clean_name(self) -> str:
        return composed(self.cleaned_data["name"])
