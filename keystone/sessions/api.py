"""The API of signing in and refreshing."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from keystone.api.serializers import PasswordField, StrictSerializer
from keystone.sessions.sign_in import TokenPair, refresh, sign_in

MAX_TOKEN_LENGTH = 2_000


class LoginSerializer(StrictSerializer):
    """Address and password."""

    email = serializers.CharField(max_length=320, help_text="The email address, in any spelling.")
    password = PasswordField()


class RefreshSerializer(StrictSerializer):
    """A refresh token."""

    refresh = serializers.CharField(max_length=MAX_TOKEN_LENGTH, help_text="The refresh token; it works once.")


class TokenPairSerializer(serializers.Serializer[TokenPair]):
    """The tokens."""

    access = serializers.CharField(help_text="Send it as `Authorization: Bearer …`.")
    refresh = serializers.CharField(help_text="Trade it at auth/refresh/ for a new pair, once.")


class TokenView(APIView):
    """What the two ways to a pair of tokens share: they are open to everybody, and no cache keeps the answer."""

    authentication_classes = ()
    permission_classes = ()

    def answer(self, pair: TokenPair) -> Response:
        """The pair, with the headers that RFC 6749, section 5.1 asks for."""
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
        """Sign in with address and password.

        After a wrong address or password the answer is 401 `invalid_credentials`. After a right password it tells
        the truth about the account: 403 with `email_unverified`, `approval_pending`, `rejected`, `suspended` or
        `deactivated`.
        """
        body = LoginSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        return self.answer(sign_in(**body.validated_data, user_agent=request.headers.get("User-Agent", "")))


class RefreshView(TokenView):
    """Keep signed in."""

    @extend_schema(
        operation_id="auth_refresh",
        tags=["auth"],
        request=RefreshSerializer,
        responses=TokenPairSerializer,
        auth=[],
    )
    def post(self, request: Request) -> Response:
        """Trade a refresh token for a new pair. Each works once; a second use answers 401 `invalid_token`."""
        body = RefreshSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        return self.answer(refresh(body.validated_data["refresh"]))
