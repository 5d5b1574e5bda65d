"""The serializers of your API."""

from typing import ClassVar

from rest_framework import serializers

from keystone.api.serializers import StrictSerializer
from project.models import Profile


class ProfileSerializer(StrictSerializer, serializers.ModelSerializer[Profile]):
    """The caller's profile. `StrictSerializer` refuses unknown fields."""

    updated_at = serializers.DateTimeField(read_only=True, allow_null=True, help_text="Null until it is first saved.")

    class Meta:
        model = Profile
        fields: ClassVar = ("organisation", "updated_at")
