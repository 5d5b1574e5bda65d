"""The admin's names of rate limits, imports and scripts, job runs and background tasks."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    """Names only: nothing changes in the database."""

    dependencies: ClassVar = [("keystone", "0018_roles")]
    operations: ClassVar = [
        migrations.AlterModelOptions(
            name="attemptwindow",
            options={
                "default_permissions": ("view",),
                "ordering": ("-ends_at", "-id"),
                "permissions": (("lift_attemptwindow", "Can reset rate limits"),),
                "verbose_name": "rate limit",
                "verbose_name_plural": "rate limits",
            },
        ),
        migrations.AlterModelOptions(
            name="datarun",
            options={
                "default_permissions": ("view",),
                "ordering": ("-started_at", "-id"),
                "verbose_name": "import or script",
                "verbose_name_plural": "imports and scripts",
            },
        ),
        migrations.AlterModelOptions(
            name="scheduledrun",
            options={
                "default_permissions": ("view",),
                "ordering": ("-slot", "-id"),
                "verbose_name": "job run",
                "verbose_name_plural": "job runs",
            },
        ),
        migrations.AlterModelOptions(
            name="task",
            options={
                "default_permissions": ("view",),
                "permissions": (("handle_task", "Can retry, cancel and discard tasks"),),
                "verbose_name": "background task",
                "verbose_name_plural": "background tasks",
            },
        ),
    ]
