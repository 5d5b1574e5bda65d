"""The admin of tasks and workers, instead of Procrastinate's own."""

from keystone.background.admin.tasks import TaskAdmin

__all__ = ["TaskAdmin"]
