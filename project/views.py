"""Your API."""

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework.generics import RetrieveUpdateAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from keystone.accounts.api.caller import person
from keystone.accounts.authority import lock_acting
from keystone.accounts.emails import queue_email
from project.models import Profile
from project.serializers import ProfileSerializer


@extend_schema(tags=["project"])
class ProfileView(RetrieveUpdateAPIView[Profile]):
    """The caller's profile."""

    serializer_class = ProfileSerializer
    http_method_names = ("get", "patch", "head", "options")

    def get_object(self) -> Profile:
        """Return the caller's profile, or an empty unsaved one."""
        user = person(self.request)
        return Profile.objects.filter(user=user).first() or Profile(user=user)

    @transaction.atomic
    def patch(self, request: Request, *args: object, **kwargs: object) -> Response:
        """Save the profile. As an example, queue a mail: its row is saved in the same transaction; a worker sends it.

        The lock comes first. It refuses a request that waited while the account was suspended or erased.
        """
        lock_acting(person(request))
        profile = self.get_object()
        before = profile.organisation
        serializer = self.get_serializer(profile, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        serializer.save()
        if profile.organisation != before:
            queue_email("organisation_changed", [profile.user_id], key=profile.updated_at.isoformat())
        return Response(serializer.data)
