"""Django's admin application with Keystone's site instead of its own.

To put a site of yours in its place, name a subclass of this config in INSTALLED_APPS. unfold's `BasicAppConfig` stands
there for `unfold`, which would set its own site.
"""

from django.contrib.admin.apps import AdminConfig


class KeystoneAdminConfig(AdminConfig):
    """The admin, whose site asks for the second factor."""

    default_site = "keystone.admin_site.KeystoneAdminSite"
