"""Tasks and workers in the admin, in the place of what Procrastinate registers itself."""

from keystone.background.admin.tasks import TaskAdmin

__all__ = ["TaskAdmin"]
