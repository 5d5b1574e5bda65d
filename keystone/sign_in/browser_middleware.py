"""The middleware for browsers, which lets API requests with a bearer token pass: they use no cookies.

Each class is a subclass of Django's, so that Django's system checks find it. Its CSRF middleware stays as it is: the
views of the API are exempt from it.
"""

from typing import Any

from django.contrib.auth import middleware as auth
from django.contrib.auth.models import AnonymousUser
from django.contrib.messages import middleware as messages
from django.contrib.sessions import middleware as sessions
from django.http import HttpRequest
from django_otp import middleware as otp

API = "/api/"
BROWSABLE_SIGN_IN = "/api/session/"  # signing in to the browsable API


def carries_token(request: HttpRequest) -> bool:
    """Return whether the request authenticates by a bearer token, so that its cookies are not read."""
    path = request.path_info
    return (
        request.META.get("HTTP_AUTHORIZATION", "")[:7].lower() == "bearer "
        and path.startswith(API)
        and not path.startswith(BROWSABLE_SIGN_IN)
    )


class ForBrowsers:
    """Mixin of middleware that lets requests with a token pass."""

    get_response: Any

    def __call__(self, request: HttpRequest) -> Any:
        """Call the middleware, or the next one."""
        djangos: Any = super()
        return self.get_response(request) if carries_token(request) else djangos.__call__(request)


class SessionMiddleware(ForBrowsers, sessions.SessionMiddleware):
    """Django's sessions."""


class AuthenticationMiddleware(ForBrowsers, auth.AuthenticationMiddleware):
    """`request.user` of Django's sessions. With a token it is anonymous until DRF has authenticated the request."""

    def __call__(self, request: HttpRequest) -> Any:
        """Call the middleware, or the next one."""
        if carries_token(request):
            request.user = AnonymousUser()
        return super().__call__(request)


class OTPMiddleware(ForBrowsers, otp.OTPMiddleware):
    """`request.user.otp_device`."""


class MessageMiddleware(ForBrowsers, messages.MessageMiddleware):
    """Django's messages."""
