"""The API to log in, refresh tokens and log out."""

from django.contrib.auth import logout
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from keystone.api.serializers import StrictSerializer
from keystone.passwords.fields import PasswordField
from keystone.sessions.models import Session
from keystone.sessions.rotation import refresh
from keystone.sessions.serializers import TokenPairSerializer
from keystone.sessions.sign_out import sign_out, sign_out_with
from keystone.sessions.token_pair import TokenPair
from keystone.sign_in.with_tokens import sign_in

MAX_TOKEN_LENGTH = 2_000
MAX_CODE_LENGTH = 64


class LoginSerializer(StrictSerializer):
    """Email address and password."""

    email = serializers.CharField(max_length=320, help_text="The email address, in any spelling.")
    password = PasswordField()
    code = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=MAX_CODE_LENGTH,
        help_text="Of the authenticator, or a recovery code; for those who have set up a second factor.",
    )


class RefreshSerializer(StrictSerializer):
    """A refresh token."""

    refresh = serializers.CharField(max_length=MAX_TOKEN_LENGTH, help_text="The refresh token; it works once.")


class LogoutSerializer(StrictSerializer):
    """A refresh token that names the session, if there is no access token."""

    refresh = serializers.CharField(
        required=False, max_length=MAX_TOKEN_LENGTH, help_text="A refresh token, where the access token has expired."
    )


class TokenView(APIView):
    """Base class of the views that return a pair of tokens. They are open to everybody and must not be cached."""

    authentication_classes = ()
    permission_classes = ()

    def answer(self, pair: TokenPair) -> Response:
        """Return a response with the pair and the headers required by RFC 6749, section 5.1."""
        return Response(TokenPairSerializer(pair).data, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})


class LoginView(TokenView):
    """Sign in."""

    @extend_schema(
        operation_id="auth_login",
        tags=["auth"],
        request=LoginSerializer,
        responses=TokenPairSerializer,
        auth=[],
    )
    def post(self, request: Request) -> Response:
        """Sign in with email address and password.

        If either is wrong, the response is 401 `invalid_credentials`. If both are right but the account may not sign
        in, the response is 403 with the reason: `email_unverified`, `approval_pending`, `rejected`, `suspended` or
        `deactivated`. Users who have set up a second factor must also send a `code`: without one the response is 401
        `second_factor_required`, with a wrong one 401 `invalid_code`. After too many attempts the response is 429
        `rate_limited`.
        """
        body = LoginSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        return self.answer(sign_in(**body.validated_data, user_agent=request.headers.get("User-Agent", "")))


class RefreshView(TokenView):
    """Renew the tokens."""

    @extend_schema(
        operation_id="auth_refresh",
        tags=["auth"],
        request=RefreshSerializer,
        responses=TokenPairSerializer,
        auth=[],
    )
    def post(self, request: Request) -> Response:
        """Trade a refresh token for a new pair.

        Each token works once. If it is used again within ten seconds, the response is 409 `token_just_used`: another
        tab was first, the session stays open, and the client should use the pair that the other tab got. A token that
        comes back later looks stolen: the response is 401 `invalid_token`, the session ends, and the user is notified
        by mail.
        """
        body = RefreshSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        return self.answer(refresh(body.validated_data["refresh"]))


class LogoutView(APIView):
    """Sign out of the current session."""

    permission_classes = ()

    def perform_authentication(self, request: Request) -> None:
        """Ignore an expired access token if a refresh token names the session."""
        try:
            super().perform_authentication(request)
        except AuthenticationFailed:
            if not (isinstance(request.data, dict) and request.data.get("refresh")):
                raise

    @extend_schema(
        operation_id="auth_logout",
        tags=["auth"],
        request=LogoutSerializer,
        responses={204: None},
    )
    def post(self, request: Request) -> Response:
        """End the session of the access token, or of the refresh token in the body."""
        body = LogoutSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        token = body.validated_data.get("refresh")
        if isinstance(request.auth, Session):
            sign_out(request.auth)
        elif token:
            sign_out_with(token)
        elif request.user.is_authenticated:
            logout(request)
        else:
            raise NotAuthenticated
        return Response(status=status.HTTP_204_NO_CONTENT)
