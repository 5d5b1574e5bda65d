"""The addresses under `/api/`."""

from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView
from rest_framework.routers import SimpleRouter

from keystone.accounts.api.people import UserViewSet
from keystone.accounts.api.self_service import MeView, RegisterView, ResendView, VerifyEmailView
from keystone.api.audit import AuditEventViewSet
from keystone.api.errors import nothing_here
from keystone.api.health import LiveView, ReadyView
from keystone.sessions.api import LoginView, RefreshView

router = SimpleRouter(use_regex_path=False)
router.register("users", UserViewSet, basename="user")
router.register("audit", AuditEventViewSet, basename="audit")

urlpatterns = [
    path("auth/register/", RegisterView.as_view(), name="register"),
    path("auth/verify-email/", VerifyEmailView.as_view(), name="verify-email"),
    path("auth/verify-email/resend/", ResendView.as_view(), name="verify-email-resend"),
    path("auth/login/", LoginView.as_view(), name="login"),
    path("auth/refresh/", RefreshView.as_view(), name="refresh"),
    path("me/", MeView.as_view(), name="me"),
    path("health/live/", LiveView.as_view(), name="health-live"),
    path("health/ready/", ReadyView.as_view(), name="health-ready"),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("", include(router.urls)),
    # The sign-in form of the browsable API.
    path("session/", include("rest_framework.urls")),
    # In development, too, and for a missing slash: the answer is JSON, never a page or a redirect that loses a body.
    re_path("", nothing_here),
]
