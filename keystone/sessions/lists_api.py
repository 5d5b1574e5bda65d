"""The API of open sessions: the caller's own, and those of other users for staff."""

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from keystone.accounts.api.caller import person
from keystone.accounts.models import User
from keystone.actors.actor import Actor
from keystone.api.permissions import StaffWithPermission, acting
from keystone.api.serializers import StrictSerializer
from keystone.sessions.browser_sessions import browser_session_key, continue_browser_session
from keystone.sessions.models import Session
from keystone.sessions.serializers import TokenPairSerializer
from keystone.sessions.sign_out import end_all_sessions, end_other_sessions, end_session


class SessionSerializer(serializers.ModelSerializer[Session]):
    """A session in which a user is signed in."""

    kind = serializers.SerializerMethodField(help_text="`app`: through this API; `browser`: to the administration.")
    current = serializers.SerializerMethodField(help_text="Whether this request is made in it.")

    class Meta:
        model = Session
        fields: ClassVar = (
            "id",
            "kind",
            "user_agent",
            "ip_address",
            "created_at",
            "last_used_at",
            "expires_at",
            "current",
        )
        read_only_fields = fields

    def get_current(self, session: Session) -> bool:
        request = self.context["request"]
        if isinstance(request.auth, Session):
            return request.auth.pk == session.pk
        return session.browser_key is not None and session.browser_key == browser_session_key(request)

    @extend_schema_field(serializers.ChoiceField(choices=["app", "browser"]))
    def get_kind(self, session: Session) -> str:
        return "browser" if session.browser_key else "app"


class EndSessionsSerializer(StrictSerializer):
    """Which sessions to end."""

    keep_current = serializers.BooleanField(
        required=False, default=False, help_text="Go on in this session, with the new tokens of the answer."
    )


class RenewedTokensSerializer(serializers.Serializer[Any]):
    """The new tokens of a session that was kept when the others ended."""

    tokens = TokenPairSerializer(allow_null=True, help_text="Null where this session was not kept, or has no tokens.")


class SessionViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[Session]):
    """The caller's own open sessions."""

    queryset = Session.objects.none()
    serializer_class = SessionSerializer
    sort_columns: ClassVar = {"last_used_at": "last_used_at"}
    default_ordering = "-last_used_at"

    def get_queryset(self) -> QuerySet[Session]:
        return Session.objects.live().filter(user=person(self.request))

    @extend_schema(operation_id="auth_sessions_list", tags=["auth"])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List one's own open sessions, last used first."""
        return super().list(request, *args, **kwargs)

    @extend_schema(operation_id="auth_sessions_end", tags=["auth"], responses={204: None})
    def destroy(self, request: Request, session_id: UUID) -> Response:
        """End one of one's own sessions."""
        user = person(request)
        end_session(user, session_id, by=Actor.person(user))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        operation_id="auth_sessions_revoke_all",
        tags=["auth"],
        request=EndSessionsSerializer,
        responses=RenewedTokensSerializer,
    )
    def revoke_all(self, request: Request) -> Response:
        """Sign out everywhere, or everywhere else.

        Sessions of the admin end as well, and links in mails sent earlier stop working.
        """
        body = EndSessionsSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        user = person(request)
        by = Actor.person(user)
        if not body.validated_data["keep_current"]:
            end_all_sessions(user, by=by)
            return renewed(None)
        session_id = current_session_id(request)
        pair = end_other_sessions(user, session_id, by=by)
        if session_id is None:
            continue_browser_session(request._request, user)
        return renewed(pair)


class StaffSessionViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[Session]):
    """The open sessions of a user, for staff who may view or end them."""

    queryset = Session.objects.none()
    serializer_class = SessionSerializer
    permission_classes = (StaffWithPermission,)
    sort_columns: ClassVar = {"last_used_at": "last_used_at"}
    default_ordering = "-last_used_at"
    permissions_by_action: ClassVar = {
        "list": "keystone.view_session",
        "destroy": "keystone.end_session",
        "revoke_all": "keystone.end_session",
    }

    def get_queryset(self) -> QuerySet[Session]:
        return Session.objects.live().filter(user=self.target())

    @extend_schema(operation_id="users_sessions_list", tags=["users"])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List a user's open sessions, last used first."""
        return super().list(request, *args, **kwargs)

    @extend_schema(operation_id="users_sessions_end", tags=["users"], responses={204: None})
    def destroy(self, request: Request, user_id: UUID, session_id: UUID) -> Response:
        """End one session of a user."""
        end_session(self.target(), session_id, by=acting(request, self))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(operation_id="users_sessions_revoke_all", tags=["users"], request=None, responses={204: None})
    def revoke_all(self, request: Request, user_id: UUID) -> Response:
        """Sign a user out of the API and the admin, and invalidate links in mails sent earlier."""
        end_all_sessions(self.target(), by=acting(request, self))
        return Response(status=status.HTTP_204_NO_CONTENT)

    def target(self) -> User:
        """Return the user named in the URL."""
        return get_object_or_404(User, pk=self.kwargs["user_id"])


def current_session_id(request: Request) -> UUID | None:
    """Return the id of the caller's session; None if it is one of Django's."""
    return request.auth.pk if isinstance(request.auth, Session) else None


def renewed(pair: Any) -> Response:
    """Return a response with the new tokens that must not be cached."""
    body = RenewedTokensSerializer({"tokens": pair}).data
    return Response(body, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})
