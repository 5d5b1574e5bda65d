"""Django's admin app with Keystone's site.

To put a site of yours in its place, name a subclass of this config in INSTALLED_APPS. unfold's `BasicAppConfig` stands
there for `unfold`, which would set its own site.
"""

from django.contrib.admin.apps import AdminConfig

from keystone.discovery import discover


class KeystoneAdminConfig(AdminConfig):
    """The admin, whose site asks for the second factor."""

    default_site = "keystone.sign_in.admin.site.KeystoneAdminSite"

    def ready(self) -> None:
        """Find the admin classes of apps, as Django does, and then those of the packages of apps."""
        super().ready()
        discover("admin")
