"""The API of one's own password and email address: reset, change, confirm, revert, deactivate the account."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from keystone.accounts.api.caller import person
from keystone.accounts.api.self_service import ACCEPTED, OpenView
from keystone.accounts.api.serializers import AcceptedSerializer, NewAddressField, ResendSerializer, TokenSerializer
from keystone.accounts.email_change import confirm_email_change, request_email_change, revert_email_change
from keystone.accounts.password_reset import request_password_reset, reset_password
from keystone.accounts.self_deactivation import deactivate_own_account
from keystone.api.serializers import StrictSerializer
from keystone.passwords.fields import PasswordField


class CurrentPasswordSerializer(StrictSerializer):
    """The current password, for confirmation."""

    current_password = PasswordField(help_text="The present password.")


class ChangeEmailSerializer(CurrentPasswordSerializer):
    """A change of one's own email address."""

    email = NewAddressField(help_text="The new address; a link is mailed to it.")


class ResetPasswordSerializer(TokenSerializer):
    """A new password, with the token from an email."""

    new_password = PasswordField()


class RequestResetView(OpenView):
    """Request for the email that resets a password."""

    @extend_schema(
        operation_id="auth_password_reset",
        tags=["auth"],
        request=ResendSerializer,
        responses={202: AcceptedSerializer},
        auth=[],
    )
    def post(self, request: Request) -> Response:
        """Request the email that resets a password. The response is the same for every email address."""
        request_password_reset(body_of(ResendSerializer, request)["email"])
        return Response({"detail": ACCEPTED}, status=status.HTTP_202_ACCEPTED)


class ResetPasswordView(OpenView):
    """Reset of a password."""

    @extend_schema(
        operation_id="auth_password_reset_confirm",
        tags=["auth"],
        request=ResetPasswordSerializer,
        responses=AcceptedSerializer,
        auth=[],
    )
    def post(self, request: Request) -> Response:
        """Set a new password with the token from an email. It works once, and all sessions end."""
        body = body_of(ResetPasswordSerializer, request)
        reset_password(body["token"], new_password=body["new_password"])
        return Response({"detail": _("Your password has been set. You can sign in with it now.")})


class ChangeEmailView(APIView):
    """Change of one's own email address."""

    @extend_schema(
        operation_id="me_email_change",
        tags=["me"],
        request=ChangeEmailSerializer,
        responses={202: AcceptedSerializer},
    )
    def post(self, request: Request) -> Response:
        """Request another email address. It is changed once the link mailed to it is used."""
        request_email_change(person(request), **body_of(ChangeEmailSerializer, request))
        return Response({"detail": ACCEPTED}, status=status.HTTP_202_ACCEPTED)


class ConfirmEmailView(OpenView):
    """Confirmation of a new email address."""

    @extend_schema(
        operation_id="auth_email_confirm",
        tags=["auth"],
        request=TokenSerializer,
        responses=AcceptedSerializer,
        auth=[],
    )
    def post(self, request: Request) -> Response:
        """Use the token mailed to a new email address, which then becomes the account's.

        It works once; a second use within ten minutes gets the same response as the first.
        """
        confirm_email_change(body_of(TokenSerializer, request)["token"])
        return Response({"detail": _("Your email address has been changed.")})


class RevertEmailView(OpenView):
    """Reversal of a change of email address."""

    @extend_schema(
        operation_id="auth_email_revert",
        tags=["auth"],
        request=TokenSerializer,
        responses=AcceptedSerializer,
        auth=[],
    )
    def post(self, request: Request) -> Response:
        """Use the token mailed to the old email address, which then becomes the account's again.

        The password is removed and all sessions end, because somebody else may know it. It works once; a second use
        within ten minutes gets the same response as the first.
        """
        revert_email_change(body_of(TokenSerializer, request)["token"])
        detail = _("Your previous email address has been restored. We have sent you a link to choose a new password.")
        return Response({"detail": detail})


class DeactivateView(APIView):
    """Deactivation of one's own account."""

    @extend_schema(operation_id="me_deactivate", tags=["me"], request=CurrentPasswordSerializer, responses={204: None})
    def post(self, request: Request) -> Response:
        """Deactivate one's own account. It is kept, and an administrator can reactivate it. Superusers cannot."""
        deactivate_own_account(person(request), **body_of(CurrentPasswordSerializer, request))
        return Response(status=status.HTTP_204_NO_CONTENT)


def body_of(serializer: type[StrictSerializer], request: Request) -> dict[str, Any]:
    body = serializer(data=request.data)
    body.is_valid(raise_exception=True)
    values: dict[str, Any] = body.validated_data
    return values
