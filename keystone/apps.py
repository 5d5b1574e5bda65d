"""The core application: upgraded as a whole, never edited by those who build on it."""

from django.apps import AppConfig
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _


class KeystoneConfig(AppConfig):
    """Accounts, approval, sessions, audit and mail."""

    name = "keystone"
    verbose_name = _("Accounts and approval")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Refuse wrong options and unsafe settings, and register the schema's extensions and the checks.

        Raises:
            ImproperlyConfigured: an option is unknown or has a wrong value, or a setting is unsafe.
        """
        from keystone import checks  # registers on import
        from keystone.accounts.status import ApprovalFlow
        from keystone.api import schema  # noqa: F401 - registers on import
        from keystone.conf import options

        checks.refuse_unsafe_settings()
        try:
            ApprovalFlow.parse(options().default_user_approval_flow)
        except ValueError as error:
            choices = ", ".join(ApprovalFlow.values)
            raise ImproperlyConfigured(f"DEFAULT_USER_APPROVAL_FLOW: {error}. Choose one of {choices}.") from None
