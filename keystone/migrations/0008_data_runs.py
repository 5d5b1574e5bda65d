"""Runs of importers, seeders, scripts and pipelines."""

from typing import ClassVar

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("keystone", "0007_erasure"),
    ]

    operations: ClassVar = [
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
                ("is_trial", models.BooleanField(default=False, verbose_name="trial")),
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
                "verbose_name": "data run",
                "verbose_name_plural": "data runs",
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
    ]
