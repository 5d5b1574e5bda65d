"""What a decision changed, kept while it can be undone."""

from typing import ClassVar

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("keystone", "0009_search_words"),
    ]

    operations: ClassVar = [
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
                ("move", models.CharField(choices=[("approve", "approve"), ("reject", "reject")], max_length=16)),
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
