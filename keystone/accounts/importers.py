"""Import users. Each gets an invitation instead of a shared password."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from import_export.fields import Field
from import_export.resources import ModelResource

from keystone.accounts.editing import change_access_end, change_user
from keystone.accounts.grants import change_grants
from keystone.accounts.models import User
from keystone.accounts.registration import create_user
from keystone.accounts.widgets import AddressWidget, GroupsWidget, MomentWidget, NameWidget, YesNoWidget
from keystone.actors.actor import Actor
from keystone.data.declarations import Existing
from keystone.data.registry import importer

COLUMNS = {  # usual column titles in lists of people
    "e-mail": "email",
    "email address": "email",
    "first name": "first_name",
    "last name": "last_name",
    "group": "groups",
    "access ends": "access_ends_at",
    "staff": "is_staff",
}


class GroupsField(Field):
    """The groups in a row, else the person's current groups; as text, to see whether they differ."""

    def get_value(self, instance: Any) -> str:
        given = getattr(instance, str(self.attribute), None)
        names = (group.name for group in (instance.groups.all() if given is None else given))
        return "; ".join(sorted(names))


@importer(
    "people",
    existing=Existing.SKIP,
    columns=COLUMNS,
    truncatable=False,
    has_own_key=True,
    description=_("People, each with a mail that invites them to choose a password."),
)
class PeopleResource(ModelResource):  # type: ignore[type-arg]  # at run time it takes no argument
    """People, identified by their email address in any spelling.

    A new person's account is active. Its email address counts as verified once they have chosen a password by a mailed
    link. An existing person is skipped, or gets the names, the end of access, the groups and the role from the file's
    columns. An empty cell clears the value, except for the role. Status and password stay.

    The functions that the admin and the API call also decide what a row may do; their refusals are reported as reasons.
    """

    email = Field("email_normalized", "email", AddressWidget())
    first_name = Field("first_name", "first_name", NameWidget())
    last_name = Field("last_name", "last_name", NameWidget())
    groups = GroupsField("imported_groups", "groups", GroupsWidget())
    access_ends_at = Field("access_ends_at", "access_ends_at", MomentWidget())
    is_staff = Field("is_staff", "is_staff", YesNoWidget(), saves_null_values=False)

    class Meta:
        model = User
        fields: ClassVar = ("email", "first_name", "last_name", "groups", "access_ends_at", "is_staff")
        import_id_fields: ClassVar = ("email",)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.by = Actor.cli()  # unless the import sets another actor

    def get_queryset(self) -> QuerySet[User]:
        return super().get_queryset().prefetch_related("groups")

    def import_instance(self, instance: User, row: dict[str, Any], **kwargs: Any) -> None:
        """Read the cells into the instance.

        Raises:
            ValidationError: some cells are invalid; all of them are reported.
        """
        errors: dict[str, list[str]] = {}
        for field in self.get_import_fields():
            try:
                self.import_field(field, instance, row, **kwargs)
            except ValidationError as error:
                errors[str(field.column_name)] = error.messages
        if errors:
            raise ValidationError(errors)

    def validate_instance(
        self,
        instance: User,
        import_validation_errors: dict[str, Any] | None = None,
        validate_unique: bool = True,  # noqa: FBT001, FBT002 - the library's
    ) -> None:
        """Raise the errors of `import_instance`. The functions that create and change people check the rest.

        Raises:
            ValidationError: `import_instance` found errors.
        """
        if import_validation_errors:
            raise ValidationError(import_validation_errors)

    def save_instance(self, instance: User, is_create: bool, row: dict[str, Any], **kwargs: Any) -> None:  # noqa: FBT001 - the library's
        """Create or change the person.

        Raises:
            Refusal: a rule forbids it.
            ValidationError: a name or the email address is invalid.
        """
        given = {name: field.clean(row) for name, field in self.fields.items() if field.column_name in row}
        if is_create:
            made = self._create(str(row[str(self.fields["email"].column_name)]), given)
            instance.pk, instance._state.adding = made.pk, False  # reported in the outcome
        else:
            self._change(instance, given)

    def _create(self, address: str, given: Mapping[str, Any]) -> User:
        names = {name: given.get(name, "") for name in ("first_name", "last_name")}
        is_staff = bool(given.get("is_staff"))
        user = create_user(email=address, by=self.by, is_staff=is_staff, email_verified=False, notify=True, **names)
        if given.get("access_ends_at") is not None:
            change_access_end(user, by=self.by, at=given["access_ends_at"])
        if given.get("groups"):
            change_grants(user, by=self.by, groups=given["groups"])
        return user

    def _change(self, user: User, given: Mapping[str, Any]) -> None:
        changed = ("first_name", "last_name", "access_ends_at", "is_staff")
        change_user(user, by=self.by, **{name: given[name] for name in changed if name in given})
        if "groups" in given:
            change_grants(user, by=self.by, groups=given["groups"])
