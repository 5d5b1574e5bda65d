"""Your API."""

from drf_spectacular.utils import extend_schema
from rest_framework.generics import RetrieveUpdateAPIView

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
