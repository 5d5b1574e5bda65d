"""The core application: upgraded as a whole, never edited by those who build on it."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class KeystoneConfig(AppConfig):
    """Accounts, approval, sessions, audit and mail."""

    name = "keystone"
    verbose_name = _("Accounts and approval")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks and the schema's extensions."""
        from keystone import checks  # noqa: F401 - registers on import
        from keystone.api import schema  # noqa: F401 - registers on import
