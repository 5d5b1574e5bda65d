"""The API for registering, verifying one's email address, and one's own account and settings."""

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from keystone.accounts.api.caller import person
from keystone.accounts.api.serializers import (
    AcceptedSerializer,
    MeSerializer,
    NamesSerializer,
    RegisterSerializer,
    ResendSerializer,
    SettingsSerializer,
    TokenSerializer,
    VerifiedSerializer,
)
from keystone.accounts.editing import change_names
from keystone.accounts.preferences import choose_notices, notices_of
from keystone.accounts.registration import register_user
from keystone.accounts.verification import lacks_password, resend_verification, verify_email
from keystone.actors.actor import Actor

ACCEPTED = _("Thank you. If there is a next step, we have sent it to you by email.")


class OpenView(APIView):
    """View that is open to everybody and doesn't read credentials."""

    authentication_classes = ()
    permission_classes = ()


class RegisterView(OpenView):
    """Registration."""

    @extend_schema(
        operation_id="auth_register",
        tags=["auth"],
        request=RegisterSerializer,
        responses={202: AcceptedSerializer},
        auth=[],
    )
    def post(self, request: Request) -> Response:
        """Register a person.

        The response is 202 and the same whether or not the email address has an account; its owner is told by email.
        """
        body = RegisterSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        register_user(**body.validated_data)
        return Response({"detail": ACCEPTED}, status=status.HTTP_202_ACCEPTED)


class VerifyEmailView(OpenView):
    """Verification of an email address."""

    @extend_schema(
        operation_id="auth_verify_email",
        tags=["auth"],
        request=TokenSerializer,
        responses=VerifiedSerializer,
        auth=[],
    )
    def post(self, request: Request) -> Response:
        """Use the token of a verification email.

        It works once; a second use within ten minutes gets the same response as the first. Any other token gets 400
        `invalid_token`. If the email address was registered more than once with different passwords, none of them
        counts: another link is mailed to choose one.
        """
        body = TokenSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        user = verify_email(body.validated_data["token"])
        detail = _("Your email address has been verified.")
        return Response({"detail": detail, "status": user.status, "password_needed": lacks_password(user)})


class ResendView(OpenView):
    """Request for another verification email."""

    @extend_schema(
        operation_id="auth_verify_email_resend",
        tags=["auth"],
        request=ResendSerializer,
        responses={202: AcceptedSerializer},
        auth=[],
    )
    def post(self, request: Request) -> Response:
        """Request another verification email. The response is the same for every email address."""
        body = ResendSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        resend_verification(body.validated_data["email"])
        return Response({"detail": ACCEPTED}, status=status.HTTP_202_ACCEPTED)


class MeView(APIView):
    """One's own account."""

    @extend_schema(operation_id="me_retrieve", tags=["me"], responses=MeSerializer)
    def get(self, request: Request) -> Response:
        """Return one's own account."""
        return Response(MeSerializer(person(request)).data)

    @extend_schema(operation_id="me_update", tags=["me"], request=NamesSerializer, responses=MeSerializer)
    def patch(self, request: Request) -> Response:
        """Change one's own names."""
        body = NamesSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        user = person(request)
        change_names(user, by=Actor.person(user), **body.validated_data)
        return Response(MeSerializer(user).data)


class MySettingsView(APIView):
    """One's own settings."""

    @extend_schema(operation_id="me_settings_retrieve", tags=["me"], responses=SettingsSerializer)
    def get(self, request: Request) -> Response:
        """Return one's own settings. Everybody can read and set them, but only approvers get emails because of them."""
        return Response({"approval_notices": notices_of(person(request))})

    @extend_schema(
        operation_id="me_settings_update", tags=["me"], request=SettingsSerializer, responses=SettingsSerializer
    )
    def patch(self, request: Request) -> Response:
        """Change one's own settings."""
        body = SettingsSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        user = person(request)
        if body.validated_data:
            choose_notices(user, by=Actor.person(user), **body.validated_data)
        return self.get(request)
