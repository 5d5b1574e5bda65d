"""The URLs of the pages, the admin, the API and its documentation."""

from typing import Any

from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path, re_path
from django.utils.functional import lazy
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularRedocView, SpectacularSwaggerSplitView
from rest_framework.routers import SimpleRouter

from keystone.accounts.api.credentials import (
    ChangeEmailView,
    ConfirmEmailView,
    DeactivateView,
    RequestResetView,
    ResetPasswordView,
    RevertEmailView,
)
from keystone.accounts.api.people import UserViewSet
from keystone.accounts.api.self_service import MeView, MySettingsView, RegisterView, ResendView, VerifyEmailView
from keystone.accounts.pages import email_change, home, password_reset, verification
from keystone.api import converters  # noqa: F401 - registers on import
from keystone.api.errors import nothing_here
from keystone.api.schema_view import SchemaView
from keystone.approval.notices.page import unsubscribe
from keystone.audit.api import AuditEventViewSet
from keystone.monitoring.health.views import LiveView, ReadyView
from keystone.privacy.api import EraseMeView, MyDataView
from keystone.sessions.lists_api import SessionViewSet, StaffSessionViewSet
from keystone.sessions.password_api import ChangePasswordView
from keystone.sign_in.api import LoginView, LogoutView, RefreshView

router = SimpleRouter(use_regex_path=False)
router.register("users", UserViewSet, basename="user")
router.register("audit", AuditEventViewSet, basename="audit")

api_urlpatterns: list[Any] = [
    # Django tries one after the other: the most frequent requests come first.
    path("me/", MeView.as_view(), name="me"),
    path("", include(router.urls)),
    path("auth/register/", RegisterView.as_view(), name="register"),
    path("auth/verify-email/", VerifyEmailView.as_view(), name="verify-email"),
    path("auth/verify-email/resend/", ResendView.as_view(), name="verify-email-resend"),
    path("auth/login/", LoginView.as_view(), name="login"),
    path("auth/refresh/", RefreshView.as_view(), name="refresh"),
    path("auth/logout/", LogoutView.as_view(), name="logout"),
    path("auth/sessions/", SessionViewSet.as_view({"get": "list"}), name="session-list"),
    path("auth/sessions/revoke-all/", SessionViewSet.as_view({"post": "revoke_all"}), name="session-revoke-all"),
    path(
        "auth/sessions/<anycase_uuid:session_id>/", SessionViewSet.as_view({"delete": "destroy"}), name="session-detail"
    ),
    path("auth/password/change/", ChangePasswordView.as_view(), name="password-change"),
    path("auth/password/reset/", RequestResetView.as_view(), name="password-reset"),
    path("auth/password/reset/confirm/", ResetPasswordView.as_view(), name="password-reset-confirm"),
    path("auth/email/confirm/", ConfirmEmailView.as_view(), name="email-confirm"),
    path("auth/email/revert/", RevertEmailView.as_view(), name="email-revert"),
    path("me/email/", ChangeEmailView.as_view(), name="me-email"),
    path("me/settings/", MySettingsView.as_view(), name="me-settings"),
    path("me/deactivate/", DeactivateView.as_view(), name="me-deactivate"),
    path("me/export/", MyDataView.as_view(), name="me-export"),
    path("me/erase/", EraseMeView.as_view(), name="me-erase"),
    path("health/live/", LiveView.as_view(), name="health-live"),
    path("health/ready/", ReadyView.as_view(), name="health-ready"),
    path("schema/", SchemaView.as_view(), name="schema"),
    path("users/<anycase_uuid:user_id>/sessions/", StaffSessionViewSet.as_view({"get": "list"}), name="user-sessions"),
    path(
        "users/<anycase_uuid:user_id>/sessions/revoke-all/",
        StaffSessionViewSet.as_view({"post": "revoke_all"}),
        name="user-sessions-revoke-all",
    ),
    path(
        "users/<anycase_uuid:user_id>/sessions/<anycase_uuid:session_id>/",
        StaffSessionViewSet.as_view({"delete": "destroy"}),
        name="user-session-detail",
    ),
    # The sign-in form of the browsable API.
    path("session/", include("keystone.sign_in.session_urls")),
    # Respond to unknown URLs and missing slashes in JSON, also in development, instead of with a page or a redirect
    # that loses the body. Exempt from the CSRF check, which would respond to a POST with a page.
    re_path("", csrf_exempt(nothing_here)),
]

# Mails link to these pages.
page_urlpatterns = [
    path("", home.home, name="home"),
    # In each group the fixed words come before the token, which is always longer.
    path("verify-email/done/", verification.email_verified, name="email-verified"),
    path("verify-email/resend/", verification.resend_verification, name="resend-verification"),
    path("verify-email/sent/", verification.verification_resent, name="verification-resent"),
    path("verify-email/<str:token>/", verification.verify_email, name="verify-email"),
    path("reset-password/", password_reset.ask, name="ask-password-reset"),
    path("reset-password/sent/", password_reset.sent, name="password-reset-sent"),
    path("reset-password/done/", password_reset.done, name="password-reset-done"),
    path("reset-password/<str:token>/", password_reset.reset, name="reset-password"),
    path("confirm-email/done/", email_change.confirmed, name="email-confirmed"),
    path("confirm-email/<str:token>/", email_change.confirm, name="confirm-email"),
    path("revert-email/done/", email_change.reverted, name="email-reverted"),
    path("revert-email/<str:token>/", email_change.revert, name="revert-email"),
    path("unsubscribe/<str:token>/", unsubscribe, name="unsubscribe"),
]

PAGE = ["get", "head"]  # DRF's response to OPTIONS needs a template that these pages don't have

urlpatterns = [
    path("api/", include(api_urlpatterns)),
    path("favicon.ico", RedirectView.as_view(url=lazy(static, str)("keystone/pages/mark.svg"))),
    path("", include((page_urlpatterns, "pages"))),
    # The admin's sign-in page links to it by Django's name.
    path("reset-password/", password_reset.ask, name="admin_password_reset"),
    path("", include("keystone.mail.development_urls")),
    path("", include("keystone.mail.webhook_urls")),
    path("admin/", admin.site.urls),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="schema", http_method_names=PAGE), name="docs"),
    path("docs", RedirectView.as_view(pattern_name="docs")),
    path("redoc/", SpectacularRedocView.as_view(url_name="schema", http_method_names=PAGE), name="redoc"),
    path("redoc", RedirectView.as_view(pattern_name="redoc")),
]
