"""Keystone's addresses."""

from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path
from django.utils.functional import lazy
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularRedocView, SpectacularSwaggerSplitView

from keystone.accounts.pages import password_reset

PAGE = ["get", "head"]  # DRF's answer to OPTIONS looks for a template that these pages have not

urlpatterns = [
    path("favicon.ico", RedirectView.as_view(url=lazy(static, str)("keystone/pages/mark.svg"))),
    path("", include("keystone.accounts.page_urls")),
    # By Django's name for it the admin's sign-in page links to it.
    path("reset-password/", password_reset.ask, name="admin_password_reset"),
    path("", include("keystone.mail.development_urls")),
    path("", include("keystone.mail.webhook_urls")),
    path("admin/", admin.site.urls),
    path("api/", include("keystone.api.urls")),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="schema", http_method_names=PAGE), name="docs"),
    path("docs", RedirectView.as_view(pattern_name="docs")),
    path("redoc/", SpectacularRedocView.as_view(url_name="schema", http_method_names=PAGE), name="redoc"),
    path("redoc", RedirectView.as_view(pattern_name="redoc")),
]
