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
from keystone.accounts.transition_table import REASON_LENGTH, TRANSITIONS
from keystone.api.serializers import StrictSerializer
from keystone.passwords.fields import PasswordField

MAX_BULK = 10_000
MAX_BULK_IDS = 5_000  # as many as fit into a body


@extend_schema_field({"type": "string", "format": "email", "maxLength": email_address.MAX_LENGTH})
class AddressField(serializers.CharField):
    """An email address that has an identity; kept as typed."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_length": email_address.MAX_LENGTH, **kwargs})

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """Refuse what is no address."""
        value = super().run_validation(data)
        email_address.normalize(value)
        return value


class NewAddressField(AddressField):
    """An email address that is to be somebody's: mail can be sent to it."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """Refuse one that mail cannot be sent to."""
        value = super().run_validation(data)
        email_address.require_deliverable(value)
        return value


class NameField(serializers.CharField):
    """A first or last name."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_length": 100, "validators": [validate_name], **kwargs})

    def to_internal_value(self, data: Any) -> str:
        """Compose it, so that its length is that of what is stored."""
        return composed(super().to_internal_value(data))


class NewPersonSerializer(StrictSerializer):
    """What registering and creating share: the password is judged beside the names and the address."""

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
    """An account made by an administrator."""

    password = PasswordField(required=False, help_text="Without one, nobody can sign in until a superuser sets one.")
    is_staff = serializers.BooleanField(required=False, default=False)
    is_superuser = serializers.BooleanField(required=False, default=False)
    tell = serializers.BooleanField(required=False, default=True, help_text="Mail the person.")


class TokenSerializer(StrictSerializer):
    """A one-time token."""

    token = serializers.CharField(max_length=200, help_text="The token of the link in the mail.")


class ResendSerializer(StrictSerializer):
    """An address."""

    email = AddressField()


class AcceptedSerializer(serializers.Serializer[Any]):
    """An answer that tells nothing about any account."""

    detail = serializers.CharField()


class VerifiedSerializer(AcceptedSerializer):
    """What the person comes to by proving the address."""

    status = serializers.ChoiceField(choices=Status.choices)
    password_needed = serializers.BooleanField(
        help_text="The address was registered more than once: a link to choose the password is mailed."
    )


class MeSerializer(serializers.ModelSerializer[User]):
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


class UserSerializer(serializers.ModelSerializer[User]):
    """An account as administrators see it."""

    class Meta:
        model = User
        fields: ClassVar = (*COLUMNS, "updated_at")
        read_only_fields = fields


class NamesSerializer(StrictSerializer):
    """A change of one's own names; what is left out stays."""

    first_name = NameField(required=False)
    last_name = NameField(required=False, allow_blank=True)


class SettingsSerializer(StrictSerializer):
    """One's own settings; what is left out stays."""

    approval_notices = serializers.ChoiceField(
        choices=ApprovalNotices.choices,
        required=False,
        help_text="How somebody who may approve hears of people who wait; without meaning for others.",
    )


class EditUserSerializer(NamesSerializer):
    """A change of somebody's names or the end of their access, and of the roles that superusers give."""

    access_ends_at = serializers.DateTimeField(
        required=False, allow_null=True, help_text="The account is deactivated at this time; null: never."
    )

    is_staff = serializers.BooleanField(required=False)
    is_superuser = serializers.BooleanField(required=False)


class MoveSerializer(StrictSerializer):
    """What every move may be given."""

    note = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=REASON_LENGTH,
        help_text="For administrators only.",
    )
    tell = serializers.BooleanField(required=False, default=True, help_text="Mail the person.")


class ReasonedMoveSerializer(MoveSerializer):
    """A move whose reason the person is told."""

    reason = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=REASON_LENGTH, help_text="Told to the person."
    )


class ApproveSerializer(ReasonedMoveSerializer):
    """An approval."""

    even_unverified = serializers.BooleanField(
        required=False, default=False, help_text="Approve although the address is not verified."
    )


class SuspendSerializer(MoveSerializer):
    """A suspension."""

    reason = serializers.CharField(max_length=REASON_LENGTH, help_text="Told to the person.")
    until = serializers.DateTimeField(required=False, allow_null=True, help_text="Its end; none is open-ended.")


class BulkSerializer(ReasonedMoveSerializer):
    """One move of many people, named by id or by the filters of the list."""

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
        """Want either ids or a filter."""
        if ("ids" in attrs) == ("filter" in attrs):
            raise serializers.ValidationError({"ids": ["Give either ids or a filter."]})
        return attrs


class RefusedSerializer(serializers.Serializer[Any]):
    """Somebody whom a move of many did not move."""

    id = serializers.UUIDField()
    email = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()


class BulkOutcomeSerializer(serializers.Serializer[Any]):
    """What a move of many came to."""

    moved = serializers.ListField(child=serializers.UUIDField())
    refused = RefusedSerializer(many=True)
    missing = serializers.ListField(child=serializers.UUIDField(), help_text="Ids that nobody has.")


class StatusCountsSerializer(serializers.Serializer[Any]):
    """How many people stand in each status, and in all."""

    pending_email_verification = serializers.IntegerField()
    pending_admin_approval = serializers.IntegerField()
    active = serializers.IntegerField()
    rejected = serializers.IntegerField()
    suspended = serializers.IntegerField()
    deactivated = serializers.IntegerField()
    total = serializers.IntegerField()
