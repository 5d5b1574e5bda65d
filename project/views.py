"""Your API."""

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework.generics import RetrieveUpdateAPIView
from rest_framework.serializers import BaseSerializer

from keystone.accounts.emails import queue_email
from keystone.api.permissions import person
from project.models import Profile
from project.serializers import ProfileSerializer


@extend_schema(tags=["project"])
class ProfileView(RetrieveUpdateAPIView[Profile]):
    """One's own profile."""

    serializer_class = ProfileSerializer
    http_method_names = ("get", "patch", "head", "options")

    def get_object(self) -> Profile:
        """The caller's profile, made where they have none yet."""
        return Profile.objects.get_or_create(user=person(self.request))[0]

    @transaction.atomic
    def perform_update(self, serializer: BaseSerializer[Profile]) -> None:
        """Save it, with an example of a mail: its row is written in the same transaction, and a worker sends it."""
        before = self.get_object().organisation
        profile = serializer.save()
        if profile.organisation != before:
            queue_email("organisation_changed", [profile.user_id], key=profile.updated_at.isoformat())
