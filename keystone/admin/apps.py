"""Django's admin app with Keystone's site.

To use another site, name a subclass of this config in INSTALLED_APPS. unfold's `BasicAppConfig` is used there instead
of `unfold`, which would set its own site.
"""

from django.contrib.admin.apps import AdminConfig

from keystone.discovery import discover


class KeystoneAdminConfig(AdminConfig):
    """The admin app, whose site requires the second factor."""

    default_site = "keystone.sign_in.admin.site.KeystoneAdminSite"

    def ready(self) -> None:
        """Import the admin modules of apps, as Django does, and then those of the packages in apps."""
        super().ready()
        discover("admin")
