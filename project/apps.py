"""Your application: an example to change, copy or delete (docs/extending.md says how)."""

from django.apps import AppConfig


class ProjectConfig(AppConfig):
    """What your product adds to Keystone."""

    name = "project"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the receivers."""
        from project import receivers  # noqa: F401 - connects on import
