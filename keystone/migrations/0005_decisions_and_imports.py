"""Decisions that can be undone, saved reasons, and runs of imports and scripts."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("keystone", "0004_mail_tasks_and_jobs"),
    ]

    operations = [
        migrations.CreateModel(
            name="AwaitingDecision",
            fields=[],
            options={
                "verbose_name": "person awaiting a decision",
                "verbose_name_plural": "people awaiting a decision",
                "ordering": ("awaiting_since", "id"),
                "proxy": True,
                "default_permissions": (),
                "indexes": [],
                "constraints": [],
            },
            bases=("keystone.user",),
        ),
        migrations.CreateModel(
            name="DataRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("importer", "importer"),
                            ("seeder", "seeder"),
                            ("script", "script"),
                            ("pipeline", "pipeline"),
                        ],
                        max_length=16,
                        verbose_name="kind",
                    ),
                ),
                ("name", models.CharField(max_length=100, verbose_name="name")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("running", "Running"),
                            ("succeeded", "Succeeded"),
                            ("failed", "Failed"),
                            ("interrupted", "Interrupted"),
                        ],
                        default="running",
                        max_length=16,
                        verbose_name="state",
                    ),
                ),
                ("step", models.CharField(blank=True, max_length=100, verbose_name="step")),
                ("by", models.CharField(max_length=320, verbose_name="by")),
                ("is_trial", models.BooleanField(default=False, verbose_name="dry run")),
                ("options", models.JSONField(default=dict, verbose_name="options")),
                (
                    "started_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="started"),
                ),
                ("finished_at", models.DateTimeField(null=True, verbose_name="finished")),
                ("rows_read", models.PositiveBigIntegerField(default=0, verbose_name="rows read")),
                ("rows_written", models.PositiveBigIntegerField(default=0, verbose_name="rows written")),
                ("rows_unchanged", models.PositiveBigIntegerField(default=0, verbose_name="rows unchanged")),
                ("rows_refused", models.PositiveBigIntegerField(default=0, verbose_name="rows refused")),
                ("last_row", models.PositiveBigIntegerField(default=0)),
                ("refused_file", models.TextField(blank=True, verbose_name="refused rows")),
                ("error", models.TextField(blank=True, verbose_name="error")),
                (
                    "pipeline",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="steps",
                        to="keystone.datarun",
                        verbose_name="pipeline",
                    ),
                ),
            ],
            options={
                "verbose_name": "import or script",
                "verbose_name_plural": "imports and scripts",
                "ordering": ("-started_at", "-id"),
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(fields=["-started_at", "-id"], name="datarun_started"),
                    models.Index(fields=["kind", "name", "-id"], name="datarun_name"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["importer", "seeder", "script", "pipeline"])),
                        name="datarun_kind_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["running", "succeeded", "failed", "interrupted"])),
                        name="datarun_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("finished_at", None), ("state", "running")),
                            models.Q(("state", "running"), _negated=True),
                            _connector="OR",
                        ),
                        name="datarun_running_is_not_finished",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "running")),
                        fields=("kind", "name"),
                        name="datarun_runs_once_at_a_time",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SavedReason",
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
                (
                    "occasion",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "Every decision"),
                            ("approve", "Approve"),
                            ("reject", "Reject"),
                            ("suspend", "Suspend"),
                            ("reactivate", "Reactivate"),
                            ("deactivate", "Deactivate"),
                        ],
                        default="",
                        max_length=16,
                        verbose_name="offered for",
                    ),
                ),
                (
                    "title",
                    models.CharField(
                        help_text="What the list of reasons shows.", max_length=80, unique=True, verbose_name="title"
                    ),
                ),
                ("text", models.TextField(help_text="The person will see this.", max_length=2000, verbose_name="text")),
            ],
            options={
                "verbose_name": "saved reason",
                "verbose_name_plural": "saved reasons",
                "ordering": ("title",),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("occasion__in", ["", "approve", "reject", "suspend", "reactivate", "deactivate"])
                        ),
                        name="saved_reason_occasion",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="DecisionUndo",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("decision", models.UUIDField(db_index=True)),
                ("transition", models.CharField(choices=[("approve", "approve"), ("reject", "reject")], max_length=16)),
                ("decided_at", models.DateTimeField()),
                ("until", models.DateTimeField(db_index=True)),
                (
                    "status_before",
                    models.CharField(
                        choices=[
                            ("pending_email_verification", "Email not verified"),
                            ("pending_admin_approval", "Awaiting decision"),
                            ("active", "Active"),
                            ("rejected", "Rejected"),
                            ("suspended", "Suspended"),
                            ("deactivated", "Deactivated"),
                        ],
                        max_length=32,
                    ),
                ),
                ("status_changed_at_before", models.DateTimeField()),
                ("status_reason_before", models.TextField(blank=True)),
                ("decided_at_before", models.DateTimeField(null=True)),
                ("access_ends_at_before", models.DateTimeField(null=True)),
                ("links", django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list)),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "verbose_name": "decision that can be undone",
                "verbose_name_plural": "decisions that can be undone",
                "default_permissions": (),
            },
        ),
    ]
