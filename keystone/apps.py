"""The core application. Projects build on it without editing it, and upgrade it as a whole."""

from django.apps import AppConfig
from django.core.exceptions import ImproperlyConfigured
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class KeystoneConfig(AppConfig):
    """The app with accounts, approval, sessions, audit and mail."""

    name = "keystone"
    verbose_name = _("Accounts and approval")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Refuse invalid options and unsafe settings; register schema extensions, checks, mails, jobs and the mark.

        Raises:
            ImproperlyConfigured: an option is unknown or has a wrong value, or a setting is unsafe.
        """
        from keystone import checks
        from keystone.accounts import passwords, registration  # noqa: F401 - register at `hooks` and the manager
        from keystone.accounts.status import ApprovalFlow
        from keystone.api import schema  # noqa: F401 - registers on import
        from keystone.approval.notices import telling  # noqa: F401 - registers at `hooks`
        from keystone.conf import options
        from keystone.database.mark import mark_on_servers
        from keystone.discovery import discover
        from keystone.mail import webhooks  # noqa: F401 - listens to the provider's events
        from keystone.sessions import revocation  # noqa: F401 - registers at `hooks`

        checks.refuse_unsafe_settings()
        try:
            ApprovalFlow.parse(options().default_user_approval_flow)
        except ValueError as error:
            choices = ", ".join(ApprovalFlow.values)
            raise ImproperlyConfigured(f"DEFAULT_USER_APPROVAL_FLOW: {error}. Choose one of {choices}.") from None
        post_migrate.connect(mark_on_servers, sender=self)
        discover("checks", "emails", "jobs", "personal_data", "tasks")  # an invalid job prevents the start
