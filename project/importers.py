"""Your importers. This one is an example: it imports people's organisations from a list with their email addresses."""

from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext
from import_export.fields import Field
from import_export.resources import ModelResource

from keystone.accounts.models import User
from keystone.accounts.widgets import AddressWidget
from keystone.data.registry import importer
from project.models import Profile


@importer("organisations", required=["organisation"], columns={"e-mail": "email", "company": "organisation"})
class OrganisationResource(ModelResource):  # type: ignore[type-arg]  # at run time it takes no argument
    """The organisations of existing people."""

    email = Field("user__email_normalized", "email", AddressWidget())

    class Meta:
        model = Profile
        fields: ClassVar = ("email", "organisation")
        import_id_fields: ClassVar = ("email",)

    def get_queryset(self) -> QuerySet[Profile]:
        """Return the profiles with their users, whose email addresses identify them."""
        return super().get_queryset().select_related("user")

    def init_instance(self, row: dict[str, Any] | None = None) -> Profile:
        """Return a new profile for somebody who has none."""
        address = (row or {})["email"]
        user = User.objects.with_email(address).first()
        if user is None:
            raise ValidationError(gettext("Nobody has the address %(address)s.") % {"address": address})
        return Profile(user=user)
