"""The API to change one's own password."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from keystone.accounts.api.caller import person
from keystone.accounts.api.credentials import CurrentPasswordSerializer, body_of
from keystone.passwords.fields import PasswordField
from keystone.sessions.browser_sessions import continue_browser_session
from keystone.sessions.lists_api import RenewedTokensSerializer, current_session_id, renewed
from keystone.sessions.password_change import change_password


class ChangePasswordSerializer(CurrentPasswordSerializer):
    """The current password and a new one."""

    new_password = PasswordField()


class ChangePasswordView(APIView):
    """Change one's own password."""

    @extend_schema(
        operation_id="auth_password_change",
        tags=["auth"],
        request=ChangePasswordSerializer,
        responses=RenewedTokensSerializer,
    )
    def post(self, request: Request) -> Response:
        """Change one's own password.

        All other sessions end. The session of this request continues with the new tokens in the response. A wrong
        `current_password` is answered with 400 `wrong_password` and counts as an attempt to sign in.
        """
        user = person(request)
        keep = current_session_id(request)
        pair = change_password(user, keep=keep, **body_of(ChangePasswordSerializer, request))
        if keep is None:
            continue_browser_session(request._request, user)
        return renewed(pair)
