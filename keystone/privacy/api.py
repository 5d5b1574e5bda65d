"""The API to export one's own data and to erase one's own account."""

from django.http import FileResponse
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from keystone.accounts.api.caller import person
from keystone.accounts.api.credentials import CurrentPasswordSerializer
from keystone.accounts.api.serializers import AcceptedSerializer, AddressField
from keystone.privacy.erasing import erase_own_account
from keystone.privacy.exporting import download, export_own_data


class EraseSerializer(CurrentPasswordSerializer):
    """What is required before an account is erased."""

    email = AddressField(help_text="The address of the account once more, because this cannot be undone.")


class MyDataView(APIView):
    """Export one's own data."""

    @extend_schema(
        operation_id="me_export",
        tags=["me"],
        request=CurrentPasswordSerializer,
        responses={(200, "application/zip"): OpenApiTypes.BINARY},
    )
    def post(self, request: Request) -> FileResponse:
        """Export all data stored about oneself, as JSON files in a zip file.

        A wrong `current_password` is answered with 400 `wrong_password` and counts as an attempt to sign in.
        """
        body = CurrentPasswordSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        user = person(request)
        return download(user, export_own_data(user, **body.validated_data))


class EraseMeView(APIView):
    """Erase one's own account."""

    @extend_schema(operation_id="me_erase", tags=["me"], request=EraseSerializer, responses=AcceptedSerializer)
    def post(self, request: Request) -> Response:
        """Erase one's own account. It cannot be undone.

        Everything that identifies the user is deleted at once, every session ends, and the email address can be
        registered again. The record of what happened stays, under a pseudonym. Staff and superusers are refused with
        403 `roles_first`.
        """
        body = EraseSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        erase_own_account(person(request), **body.validated_data)
        return Response({"detail": _("Your account has been erased.")})
