"""Lists as projects write them, with what DRF knows and nothing of ours, for the tests of the pagination."""

from typing import Any

from django.contrib.auth.models import Group, Permission
from django.contrib.sessions.models import Session as BrowserSession
from django.db.models import Count, F, QuerySet
from django.db.models.functions import Lower
from django.urls import include, path
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework import generics, serializers, viewsets
from rest_framework.filters import OrderingFilter, SearchFilter
from rest_framework.routers import DefaultRouter
from rest_framework.views import APIView

from keystone.accounts.models import User
from keystone.api.filters import AllowedFilters
from keystone.api.permissions import StaffWithPermission
from keystone.audit.models import AuditEvent

VIEWS: dict[str, type[APIView]] = {}


class RowSerializer(serializers.Serializer[Any]):
    """The key of a row, whatever the row is."""

    def to_representation(self, instance: Any) -> dict[str, str]:
        """Its primary key, or its values."""
        if isinstance(instance, dict):
            return {"key": "|".join(str(value) for value in instance.values())}
        return {"key": str(getattr(instance, "pk", instance))}


class PlainList(generics.ListAPIView[Any]):
    """Open, and nothing but a queryset and a serializer."""

    permission_classes: Any = ()
    serializer_class = RowSerializer


def listing(name: str, queryset: Any, **attributes: Any) -> None:
    """Declare a list under `/api/lists/NAME/`."""
    VIEWS[name] = type(f"{name.title()}List", (PlainList,), {"queryset": queryset, **attributes})


class GroupSerializer(serializers.ModelSerializer[Group]):
    """A group."""

    class Meta:
        model = Group
        fields = ("id", "name")


class GroupViewSet(viewsets.ModelViewSet[Group]):
    """All that DRF does with a model."""

    queryset = Group.objects.all()
    serializer_class = GroupSerializer


class NoModelList(PlainList):
    """A list that is no queryset."""

    def get_queryset(self) -> QuerySet[Any]:
        """Numbers."""
        return list(range(12))  # type: ignore[return-value]  # as some write it


class StaffList(PlainList):
    """For staff, by a view that has no actions."""

    queryset = Group.objects.all()
    permission_classes = (StaffWithPermission,)
    permissions_by_action = {"get": "auth.view_group"}


groups, people = Group.objects, User.objects
listing("unordered", groups.all())
listing("text-key", BrowserSession.objects.all())
listing("descending", groups.order_by("-name"))
listing("reversed", groups.order_by("name").reverse())
listing("expression", groups.order_by(F("name").desc()))
listing("lowered", groups.order_by(Lower("name").desc()))
listing("random", groups.order_by("?"))
listing("joined", Permission.objects.filter(content_type__app_label__in=("auth", "admin")))  # by its Meta
listing("relation", Permission.objects.order_by("content_type").filter(content_type__app_label="auth"))
listing("nulls-last", people.order_by("last_login"))
listing("nulls-first", people.order_by("-last_login", "first_name"))
listing("nullable-join", AuditEvent.objects.order_by("actor__first_name", "-id"))
listing("other-end", people.order_by("-preferences__approval_notices", "email_normalized"))
listing("flag", people.order_by("is_staff", "-created_at"))
listing("distinct", people.filter(groups__isnull=True).distinct())
listing("counted", groups.annotate(members=Count("user")).order_by("-members"))
listing("annotated", groups.annotate(low=Lower("name")).order_by("low"))
listing("values", groups.values("id", "name"))
listing("grouped", people.values("first_name").annotate(n=Count("pk")))
listing("pairs", groups.values_list("name"))
listing("union", groups.filter(name__lt="g5").union(groups.filter(name__gte="g5")))
listing("sliced", groups.order_by("name")[:12])
listing("drf-ordering", groups.all(), ordering="-name")
listing("drf-orderings", people.all(), ordering=("last_name", "-email_normalized"))
listing("drf-fields", groups.all(), ordering_fields=["name", "id"], ordering=["name"])
listing("drf-labels", groups.all(), ordering_fields=[("name", "the name")])
listing("drf-all", groups.all(), ordering_fields="__all__")
backends = (OrderingFilter, SearchFilter, DjangoFilterBackend)
listing("drf-filter", groups.all(), filter_backends=backends, ordering_fields=("name",), search_fields=("name",))
listing("drf-filter-default", groups.all(), filter_backends=backends, ordering_fields=("name",), ordering="-name")
listing("our-filters", groups.all(), filter_backends=(AllowedFilters,))
listing("ours", groups.all(), sort_columns={"called": "name"}, default_ordering="-called")
listing("ours-default", groups.all(), sort_columns={"called": "name"})
listing("no-serializer", groups.all(), serializer_class=None)
VIEWS |= {"no-model": NoModelList, "staff": StaffList}

router = DefaultRouter()
router.register("groups", GroupViewSet)
urlpatterns = [
    *(path(f"api/lists/{name}/", view.as_view()) for name, view in VIEWS.items()),
    path("api/router/", include(router.urls)),
    path("", include("config.urls")),
]
