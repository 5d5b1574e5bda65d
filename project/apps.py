"""Your application: an example to change, copy or delete (see docs/extending.md)."""

from django.apps import AppConfig


class ProjectConfig(AppConfig):
    """The app that your product adds to Keystone."""

    name = "project"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the receivers."""
        from project import receivers  # noqa: F401 - connects on import
