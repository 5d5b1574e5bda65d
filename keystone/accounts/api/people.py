"""The API for administrators: list, create, edit and export users, and their transitions."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from keystone.accounts import lifecycle
from keystone.accounts.api.caller import person
from keystone.accounts.api.filters import UserFilter
from keystone.accounts.api.serializers import (
    MAX_BULK,
    ApproveSerializer,
    BulkOutcomeSerializer,
    BulkSerializer,
    CreateUserSerializer,
    EditUserSerializer,
    ReasonedTransitionSerializer,
    StatusCountsSerializer,
    SuspendSerializer,
    TransitionSerializer,
    UserSerializer,
)
from keystone.accounts.editing import change_user
from keystone.accounts.export import record_people_export, stream_people_csv
from keystone.accounts.models import User
from keystone.accounts.registration import create_user
from keystone.accounts.transition import Outcome
from keystone.accounts.transition_rules import TRANSITIONS
from keystone.actors.actor import Actor
from keystone.api.filters import AllowedFilters, apply_filters, body_filters
from keystone.api.permissions import StaffWithPermission, acting
from keystone.api.renderers import FastJSONRenderer


class CSVRenderer(BaseRenderer):
    """Renderer that lets a client ask for `text/csv`. The view streams the rows itself."""

    media_type = "text/csv"
    format = "csv"

    def render(self, data: Any, media_type: str | None = None, context: Mapping[str, Any] | None = None) -> bytes:
        """Render errors as JSON, even if CSV was requested."""
        if context:
            context["response"]["Content-Type"] = "application/json"
        return FastJSONRenderer().render(data)


View = TypeVar("View", bound=Callable[..., Response])


def transition_schema(name: str, request: type[serializers.Serializer[Any]]) -> Callable[[View], View]:
    """Return the schema of one transition."""
    return extend_schema(operation_id=f"users_{name}", request=request, responses=UserSerializer)


@extend_schema(tags=["users"])
@extend_schema_view(
    list=extend_schema(operation_id="users_list"), retrieve=extend_schema(operation_id="users_retrieve")
)
class UserViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[User]):
    """People, for staff with the permission for each action."""

    queryset = User.objects.all()
    serializer_class = UserSerializer
    permission_classes = (StaffWithPermission,)
    filter_backends = (AllowedFilters,)
    filterset_class = UserFilter
    sort_columns = {"created_at": "created_at", "email": "email_normalized", "last_name": "last_name"}
    default_ordering = "-created_at"
    lookup_value_converter = "anycase_uuid"
    permissions_by_action = {
        "list": "keystone.view_user",
        "retrieve": "keystone.view_user",
        "status_counts": "keystone.view_user",
        "create": "keystone.add_user",
        "partial_update": "keystone.change_user",
        "export": "keystone.export_user",
        "bulk": "keystone.view_user",  # and the transition's own, which `bulk` checks
        **{name: transition.permission for name, transition in TRANSITIONS.items()},
    }

    @extend_schema(operation_id="users_create", request=CreateUserSerializer, responses={201: UserSerializer})
    def create(self, request: Request) -> Response:
        """Create an active account."""
        user = create_user(by=self.actor, **self.body(CreateUserSerializer))
        return Response(UserSerializer(user).data, status=status.HTTP_201_CREATED)

    @extend_schema(operation_id="users_update", request=EditUserSerializer, responses=UserSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change names, the end of access and, for superusers, roles. Email address and status can't be edited."""
        return self.answer(change_user(self.get_object(), by=self.actor, **self.body(EditUserSerializer)))

    @transition_schema("approve", ApproveSerializer)
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, pk: str) -> Response:
        """Approve a pending person."""
        return self.answer(lifecycle.approve_user(self.get_object(), by=self.actor, **self.body(ApproveSerializer)))

    @transition_schema("reject", ReasonedTransitionSerializer)
    @action(detail=True, methods=["post"])
    def reject(self, request: Request, pk: str) -> Response:
        """Reject a pending person."""
        return self.answer(
            lifecycle.reject_user(self.get_object(), by=self.actor, **self.body(ReasonedTransitionSerializer))
        )

    @transition_schema("reopen", TransitionSerializer)
    @action(detail=True, methods=["post"])
    def reopen(self, request: Request, pk: str) -> Response:
        """Take a rejection back. The person is pending again."""
        return self.answer(lifecycle.reopen_user(self.get_object(), by=self.actor, **self.body(TransitionSerializer)))

    @transition_schema("suspend", SuspendSerializer)
    @action(detail=True, methods=["post"])
    def suspend(self, request: Request, pk: str) -> Response:
        """Suspend an active person, for a time or until reactivated."""
        return self.answer(lifecycle.suspend_user(self.get_object(), by=self.actor, **self.body(SuspendSerializer)))

    @transition_schema("reactivate", ReasonedTransitionSerializer)
    @action(detail=True, methods=["post"])
    def reactivate(self, request: Request, pk: str) -> Response:
        """Reactivate a suspended or deactivated person."""
        body = self.body(ReasonedTransitionSerializer)
        return self.answer(lifecycle.reactivate_user(self.get_object(), by=self.actor, **body))

    @transition_schema("deactivate", ReasonedTransitionSerializer)
    @action(detail=True, methods=["post"])
    def deactivate(self, request: Request, pk: str) -> Response:
        """Deactivate an account without deleting it."""
        body = self.body(ReasonedTransitionSerializer)
        return self.answer(lifecycle.deactivate_user(self.get_object(), by=self.actor, **body))

    @extend_schema(operation_id="users_bulk", request=BulkSerializer, responses=BulkOutcomeSerializer)
    @action(detail=False, methods=["post"])
    def bulk(self, request: Request) -> Response:
        """Apply one transition to many people: up to 5,000 by id, or 10,000 by the list's filters.

        Each person is checked separately. Those who are refused are listed with the reason; the others are changed.
        """
        body = self.body(BulkSerializer)
        transition = TRANSITIONS[body.pop("action")]
        if not request.user.has_perm(transition.permission):
            self.permission_denied(request)
        ids = body.pop("ids", None) or self.selected(body.pop("filter", {}))
        body.pop("filter", None)
        by = Actor.administrator(person(request), permission=transition.permission)
        outcome = lifecycle.transition_users(transition, ids, by=by, **body)
        return Response(BulkOutcomeSerializer(bulk_outcome(outcome)).data)

    @extend_schema(operation_id="users_status_counts", responses=StatusCountsSerializer)
    @action(detail=False, url_path="status-counts", pagination_class=None, filter_backends=[])
    def status_counts(self, request: Request) -> Response:
        """Return the number of people in each status, and in total."""
        counts = User.objects.count_by_status()
        return Response({**counts, "total": sum(counts.values())})

    @extend_schema(operation_id="users_export", filters=True, responses={(200, "text/csv"): OpenApiTypes.STR})
    @action(detail=False, pagination_class=None, renderer_classes=[CSVRenderer, FastJSONRenderer])
    def export(self, request: Request) -> StreamingHttpResponse:
        """Return everybody who matches the filters, as CSV. The audit log records the export."""
        rows = stream_people_csv(self.filter_queryset(self.get_queryset()))
        record_people_export(by=self.actor, filters=request.META["QUERY_STRING"])
        headers = {"Content-Disposition": 'attachment; filename="people.csv"'}
        return StreamingHttpResponse(rows, content_type="text/csv; charset=utf-8", headers=headers)

    @property
    def actor(self) -> Actor:
        return acting(self.request, self)

    def body(self, serializer: type[serializers.Serializer[Any]]) -> dict[str, Any]:
        """Return the validated request body."""
        body = serializer(data=self.request.data)
        body.is_valid(raise_exception=True)
        values: dict[str, Any] = body.validated_data
        return values

    def answer(self, user: User) -> Response:
        """Return the response with the person's current data."""
        return Response(UserSerializer(user).data)

    def selected(self, filters: dict[str, Any]) -> list[Any]:
        """Return the keys of the people who match the filters.

        Raises:
            ValidationError: there are too many.
        """
        chosen: QuerySet[User] = apply_filters(UserFilter, body_filters(UserFilter, filters), User.objects.all())
        ids = list(chosen.order_by("pk").values_list("pk", flat=True)[: MAX_BULK + 1])
        if len(ids) > MAX_BULK:
            message = f"This selects more than {MAX_BULK} people. Narrow it down."
            raise serializers.ValidationError({"filter": [message]})
        return ids


def bulk_outcome(outcome: Outcome) -> dict[str, Any]:
    """Return the outcome of a bulk transition in the API's format."""
    return {
        "succeeded": [user.pk for user in outcome.succeeded],
        "refused": [
            {"id": user.pk, "email": user.email, "code": refusal.code, "message": refusal.detail}
            for user, refusal in outcome.refused
        ],
        "missing": outcome.missing,
    }
