"""Serializers of the accounts API."""

from typing import Any, ClassVar

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from keystone import email_address
from keystone.accounts.export import COLUMNS
from keystone.accounts.models import User
from keystone.accounts.names import composed, validate_name
from keystone.accounts.preferences import ApprovalNotices
from keystone.accounts.status import Status
from keystone.accounts.transition_rules import REASON_LENGTH, TRANSITIONS
from keystone.api.serializers import RowSerializer, StrictSerializer
from keystone.passwords.fields import PasswordField

MAX_BULK = 10_000
MAX_BULK_IDS = 5_000  # as many as fit into a body


@extend_schema_field({"type": "string", "format": "email", "maxLength": email_address.MAX_LENGTH})
class AddressField(serializers.CharField):
    """A valid email address, kept as typed."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_length": email_address.MAX_LENGTH, **kwargs})

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """Refuse an invalid email address."""
        value = super().run_validation(data)
        email_address.normalize(value)
        return value


class NewAddressField(AddressField):
    """An email address for an account; it must be able to receive mail."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """Refuse an email address that can't receive mail."""
        value = super().run_validation(data)
        email_address.require_deliverable(value)
        return value


class NameField(serializers.CharField):
    """A first or last name."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_length": 100, "validators": [validate_name], **kwargs})

    def to_internal_value(self, data: Any) -> str:
        """Compose the name, so that the length checked is the length stored."""
        return composed(super().to_internal_value(data))


class NewPersonSerializer(StrictSerializer):
    """Shared by registration and creation. The password is validated together with the names and the email address."""

    email = NewAddressField()
    first_name = NameField()
    last_name = NameField(required=False, allow_blank=True, default="")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Run Django's password validators."""
        if attrs.get("password"):
            names = {name: attrs[name] for name in ("email", "first_name", "last_name")}
            try:
                validate_password(attrs["password"], User(**names))
            except ValidationError as error:
                raise serializers.ValidationError({"password": error.messages}) from error
        return attrs


class RegisterSerializer(NewPersonSerializer):
    """A registration."""

    password = PasswordField()


class CreateUserSerializer(NewPersonSerializer):
    """An account created by an administrator."""

    password = PasswordField(required=False, help_text="Without one, nobody can sign in until a superuser sets one.")
    is_staff = serializers.BooleanField(required=False, default=False)
    is_superuser = serializers.BooleanField(required=False, default=False)
    notify = serializers.BooleanField(required=False, default=True, help_text="Mail the person.")


class TokenSerializer(StrictSerializer):
    """A one-time token."""

    token = serializers.CharField(max_length=200, help_text="The token of the link in the mail.")


class ResendSerializer(StrictSerializer):
    """An email address."""

    email = AddressField()


class AcceptedSerializer(serializers.Serializer[Any]):
    """A response that reveals nothing about any account."""

    detail = serializers.CharField()


class VerifiedSerializer(AcceptedSerializer):
    """The result of verifying the email address."""

    status = serializers.ChoiceField(choices=Status.choices)
    password_needed = serializers.BooleanField(
        help_text="The address was registered more than once: a link to choose the password is mailed."
    )


class MeSerializer(RowSerializer[User]):
    """One's own account."""

    class Meta:
        model = User
        fields: ClassVar = (
            "id",
            "email",
            "first_name",
            "last_name",
            "status",
            "email_verified_at",
            "is_staff",
            "is_superuser",
            "created_at",
            "last_login",
        )
        read_only_fields = fields


class UserSerializer(RowSerializer[User]):
    """An account as administrators see it."""

    class Meta:
        model = User
        fields: ClassVar = (*COLUMNS, "updated_at")
        read_only_fields = fields


class NamesSerializer(StrictSerializer):
    """A change of one's own names; omitted ones stay."""

    first_name = NameField(required=False)
    last_name = NameField(required=False, allow_blank=True)


class SettingsSerializer(StrictSerializer):
    """One's own settings; omitted ones stay."""

    approval_notices = serializers.ChoiceField(
        choices=ApprovalNotices.choices,
        required=False,
        help_text="How somebody who may approve hears of people who wait; without meaning for others.",
    )


class EditUserSerializer(NamesSerializer):
    """A change of a person's names, end of access or, for superusers, roles."""

    access_ends_at = serializers.DateTimeField(
        required=False, allow_null=True, help_text="The account is deactivated at this time; null: never."
    )

    is_staff = serializers.BooleanField(required=False)
    is_superuser = serializers.BooleanField(required=False)


class TransitionSerializer(StrictSerializer):
    """The fields that all transitions share."""

    note = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=REASON_LENGTH,
        help_text="For administrators only.",
    )
    notify = serializers.BooleanField(required=False, default=True, help_text="Mail the person.")


class ReasonedTransitionSerializer(TransitionSerializer):
    """A transition with a reason that the person is told."""

    reason = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=REASON_LENGTH, help_text="Told to the person."
    )


class ApproveSerializer(ReasonedTransitionSerializer):
    """An approval."""

    even_unverified = serializers.BooleanField(
        required=False, default=False, help_text="Approve although the address is not verified."
    )


class SuspendSerializer(TransitionSerializer):
    """A suspension."""

    reason = serializers.CharField(max_length=REASON_LENGTH, help_text="Told to the person.")
    until = serializers.DateTimeField(required=False, allow_null=True, help_text="Its end; none is open-ended.")


class BulkSerializer(ReasonedTransitionSerializer):
    """One transition of many people, given by id or by the filters of the list."""

    action = serializers.ChoiceField(choices=sorted(TRANSITIONS))
    ids = serializers.ListField(
        child=serializers.UUIDField(), required=False, max_length=MAX_BULK_IDS, allow_empty=False
    )
    filter = serializers.DictField(
        required=False,
        allow_empty=False,
        help_text="The list's query parameters. A flag may be a boolean, and `status` a list; all else is text.",
    )
    even_unverified = serializers.BooleanField(required=False, default=False)
    until = serializers.DateTimeField(required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Require either ids or a filter."""
        if ("ids" in attrs) == ("filter" in attrs):
            raise serializers.ValidationError({"ids": ["Give either ids or a filter."]})
        return attrs


class RefusedSerializer(serializers.Serializer[Any]):
    """A person for whom a bulk transition was refused."""

    id = serializers.UUIDField()
    email = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()


class BulkOutcomeSerializer(serializers.Serializer[Any]):
    """The outcome of a bulk transition."""

    succeeded = serializers.ListField(child=serializers.UUIDField())
    refused = RefusedSerializer(many=True)
    missing = serializers.ListField(child=serializers.UUIDField(), help_text="Ids that nobody has.")


class StatusCountsSerializer(serializers.Serializer[Any]):
    """The number of people in each status, and in total."""

    pending_email_verification = serializers.IntegerField()
    pending_admin_approval = serializers.IntegerField()
    active = serializers.IntegerField()
    rejected = serializers.IntegerField()
    suspended = serializers.IntegerField()
    deactivated = serializers.IntegerField()
    total = serializers.IntegerField()
