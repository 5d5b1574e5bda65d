"""The bodies of your API."""

from typing import ClassVar

from rest_framework import serializers

from keystone.api.serializers import StrictSerializer
from project.models import Profile


class ProfileSerializer(StrictSerializer, serializers.ModelSerializer[Profile]):
    """One's own profile. `StrictSerializer` refuses what has no field here."""

    class Meta:
        model = Profile
        fields: ClassVar = ("organisation", "updated_at")
        read_only_fields: ClassVar = ("updated_at",)
