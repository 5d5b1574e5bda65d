"""The outbox of mails, background tasks and scheduled jobs."""

import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("keystone", "0003_signing_in"),
        ("django_apscheduler", "0009_djangojobexecution_unique_job_executions"),
        ("procrastinate", "0041_post_retry_failed_job"),
    ]

    operations = [
        migrations.CreateModel(
            name="ScheduledJob",
            fields=[
                ("id", models.CharField(max_length=200, primary_key=True, serialize=False, verbose_name="job")),
                ("description", models.TextField(blank=True, verbose_name="what it does")),
                ("trigger", models.CharField(max_length=200, verbose_name="when")),
                ("paused_at", models.DateTimeField(null=True, verbose_name="paused")),
                ("orphaned_at", models.DateTimeField(null=True, verbose_name="not in the code since")),
                (
                    "registered_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="registered"
                    ),
                ),
            ],
            options={
                "verbose_name": "scheduled job",
                "verbose_name_plural": "scheduled jobs",
                "ordering": ("id",),
                "permissions": (
                    ("pause_scheduledjob", "Can pause and resume scheduled jobs"),
                    ("run_scheduledjob", "Can run scheduled jobs now"),
                ),
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="SchedulerProcess",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=200, unique=True, verbose_name="process")),
                (
                    "started_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="started"),
                ),
                ("last_heartbeat", models.DateTimeField(verbose_name="last heartbeat")),
                ("jobs", models.JSONField(default=dict)),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="SuppressedAddress",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("address", models.CharField(max_length=320, unique=True, verbose_name="address")),
                ("reason", models.CharField(max_length=200, verbose_name="reason")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="since")),
            ],
            options={
                "verbose_name": "suppressed address",
                "verbose_name_plural": "suppressed addresses",
                "ordering": ("-created_at",),
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="TaskOutcome",
            fields=[
                ("job_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("return_value", models.JSONField(null=True)),
                ("errors", models.JSONField(default=list)),
                ("rescues", models.PositiveSmallIntegerField(default=0)),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="WorkerProcess",
            fields=[
                ("worker_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=200, verbose_name="process")),
                ("queues", models.JSONField(default=list, verbose_name="queues")),
                ("concurrency", models.PositiveSmallIntegerField(verbose_name="at once")),
                (
                    "started_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="started"),
                ),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Task",
            fields=[],
            options={
                "verbose_name": "background task",
                "verbose_name_plural": "background tasks",
                "permissions": (("handle_task", "Can retry, cancel and discard tasks"),),
                "proxy": True,
                "default_permissions": ("view",),
                "indexes": [],
                "constraints": [],
            },
            bases=("procrastinate.procrastinatejob",),
        ),
        migrations.CreateModel(
            name="OutgoingMail",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        db_index=True,
                        editable=False,
                        verbose_name="created",
                    ),
                ),
                ("updated_at", models.DateTimeField(auto_now=True, db_index=True, verbose_name="changed")),
                ("template", models.CharField(max_length=64, verbose_name="mail")),
                ("recipient", models.CharField(max_length=320, verbose_name="to")),
                ("language", models.CharField(blank=True, max_length=16, verbose_name="language")),
                ("context", models.JSONField(default=dict)),
                ("idempotency_key", models.CharField(max_length=200, null=True, unique=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("sent", "Sent"),
                            ("failed", "Failed"),
                            ("bounced", "Bounced"),
                            ("suppressed", "Suppressed"),
                            ("obsolete", "No longer needed"),
                        ],
                        default="queued",
                        max_length=16,
                        verbose_name="state",
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0, verbose_name="attempts")),
                (
                    "next_attempt_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="next attempt"
                    ),
                ),
                ("claimed_until", models.DateTimeField(null=True)),
                ("last_error", models.TextField(blank=True, verbose_name="last error")),
                ("sent_at", models.DateTimeField(null=True, verbose_name="sent")),
                ("message_id", models.CharField(max_length=255, unique=True, verbose_name="Message-ID")),
                ("provider_id", models.CharField(blank=True, max_length=255, verbose_name="provider's id")),
                ("request_id", models.CharField(blank=True, max_length=64, verbose_name="request")),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="mails",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="person",
                    ),
                ),
            ],
            options={
                "verbose_name": "mail",
                "verbose_name_plural": "mails",
                "ordering": ("-created_at", "-id"),
                "permissions": (("send_outgoingmail", "Can send mails again, send test mails and lift suppressions"),),
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(fields=["-created_at", "-id"], name="mail_created"),
                    models.Index(fields=["user", "-created_at"], name="mail_user"),
                    models.Index(fields=["state", "-created_at"], name="mail_state"),
                    models.Index(
                        condition=models.Q(("state", "queued")), fields=["next_attempt_at"], name="mail_queued"
                    ),
                    models.Index(
                        condition=models.Q(("provider_id", ""), _negated=True),
                        fields=["provider_id"],
                        name="mail_provider",
                    ),
                    models.Index(fields=["template", "-created_at"], name="mail_template"),
                    models.Index(
                        django.contrib.postgres.indexes.OpClass(
                            django.db.models.functions.text.Lower("recipient"), "text_pattern_ops"
                        ),
                        models.OrderBy(models.F("created_at"), descending=True),
                        name="mail_recipient",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["queued", "sent", "failed", "bounced", "suppressed", "obsolete"])
                        ),
                        name="mail_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "sent"), _negated=True), ("sent_at__isnull", False), _connector="OR"
                        ),
                        name="mail_sent_at",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ScheduledRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("slot", models.DateTimeField(verbose_name="due")),
                (
                    "coalesced",
                    models.PositiveIntegerField(default=0, verbose_name="coalesced slots"),
                ),
                ("is_manual", models.BooleanField(default=False, verbose_name="asked for")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("enqueued", "Enqueued"),
                            ("running", "Running"),
                            ("succeeded", "Succeeded"),
                            ("failed", "Failed"),
                            ("skipped", "Skipped"),
                            ("missed", "Missed"),
                        ],
                        default="enqueued",
                        max_length=16,
                        verbose_name="state",
                    ),
                ),
                ("task_id", models.CharField(blank=True, max_length=64, verbose_name="task")),
                ("attempts", models.PositiveSmallIntegerField(default=0, verbose_name="attempts")),
                (
                    "claimed_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="enqueued"),
                ),
                ("started_at", models.DateTimeField(null=True, verbose_name="started")),
                ("finished_at", models.DateTimeField(null=True, verbose_name="finished")),
                ("result", models.JSONField(null=True, verbose_name="result")),
                ("error", models.TextField(blank=True, verbose_name="error")),
                (
                    "job",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="runs",
                        to="keystone.scheduledjob",
                        verbose_name="job",
                    ),
                ),
                (
                    "requested_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="by",
                    ),
                ),
            ],
            options={
                "verbose_name": "job run",
                "verbose_name_plural": "job runs",
                "ordering": ("-slot", "-id"),
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(fields=["job", "-slot"], name="run_job"),
                    models.Index(fields=["-slot"], name="run_slot"),
                    models.Index(
                        condition=models.Q(("state__in", ("enqueued", "running"))), fields=["job"], name="run_open"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("is_manual", False)), fields=("job", "slot"), name="run_once_per_slot"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["enqueued", "running", "succeeded", "failed", "skipped", "missed"])
                        ),
                        name="run_state_known",
                    ),
                ],
            },
        ),
        # Procrastinate's table has an index of what waits or runs; what has succeeded is nearly everything.
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
