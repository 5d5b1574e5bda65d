"""The URL of the provider's webhook, if a provider and its secret are set."""

from django.conf import settings
from django.urls import URLPattern, path
from django.utils.module_loading import import_string

from keystone.settings.mail_providers import PROVIDERS

app_name = "mail"


def routes(provider: str) -> list[URLPattern]:
    """Return the URL pattern of this provider's webhook."""
    view = import_string(PROVIDERS[provider].tracking)
    return [path(f"webhooks/mail/{provider}/", view.as_view(), name="webhook")]


urlpatterns = routes(settings.EMAIL_PROVIDER) if settings.EMAIL_PROVIDER and settings.EMAIL_WEBHOOK_SECRET else []
