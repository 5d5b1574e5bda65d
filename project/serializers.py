"""The bodies of your API."""

from typing import ClassVar

from rest_framework import serializers

from project.models import Profile


class ProfileSerializer(serializers.ModelSerializer[Profile]):
    """One's own profile."""

    class Meta:
        model = Profile
        fields: ClassVar = ("organisation", "updated_at")
        read_only_fields: ClassVar = ("updated_at",)
