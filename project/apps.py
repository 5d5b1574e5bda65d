"""Your application: copy it, fill it, or delete it."""

from django.apps import AppConfig


class ProjectConfig(AppConfig):
    """What your product adds to Keystone."""

    name = "project"
    default_auto_field = "django.db.models.BigAutoField"
