"""Indexes on Procrastinate's table of tasks, so that no list of the admin reads all of it."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("keystone", "0005_tasks_mail_and_schedule"),
        ("procrastinate", "0041_post_retry_failed_job"),
    ]

    operations = [
        # What is waiting or running has an index of Procrastinate's own; what has succeeded is nearly everything.
        migrations.RunSQL(
            "CREATE INDEX keystone_task_ended ON procrastinate_jobs (id)"
            " WHERE status IN ('failed', 'cancelled', 'aborted')",
            "DROP INDEX keystone_task_ended",
        ),
        migrations.RunSQL(
            "CREATE INDEX keystone_task_name ON procrastinate_jobs (task_name, id)",
            "DROP INDEX keystone_task_name",
        ),
    ]
