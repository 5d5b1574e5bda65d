"""Saved reasons, and the indexes of the facts beside a decision: who else registered from an IP address or domain."""

from typing import ClassVar

import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("keystone", "0013_links_took_effect"),
    ]

    operations: ClassVar = [
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
                ("text", models.TextField(help_text="The person reads this.", max_length=2000, verbose_name="text")),
            ],
            options={
                "verbose_name": "saved reason",
                "verbose_name_plural": "saved reasons",
                "ordering": ("title",),
            },
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(
                condition=models.Q(("action", "user.registered"), ("ip_address__isnull", False)),
                fields=["ip_address"],
                name="audit_registered_from",
            ),
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(
                models.Func(
                    models.F("email_normalized"),
                    output_field=models.CharField(),
                    template="split_part(%(expressions)s, '@', -1)",
                ),
                name="user_domain",
            ),
        ),
        migrations.AddConstraint(
            model_name="savedreason",
            constraint=models.CheckConstraint(
                condition=models.Q(("occasion__in", ["", "approve", "reject", "suspend", "reactivate", "deactivate"])),
                name="saved_reason_occasion",
            ),
        ),
    ]
