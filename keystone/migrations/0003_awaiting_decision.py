"""The people who wait for a decision, as a model of its own; it has no table and no permissions."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("keystone", "0002_triggers")]
    operations: ClassVar = [
        migrations.CreateModel(
            name="AwaitingDecision",
            fields=[],
            options={
                "verbose_name": "person awaiting a decision",
                "verbose_name_plural": "awaiting decision",
                "ordering": ("awaiting_since", "id"),
                "proxy": True,
                "default_permissions": (),
                "indexes": [],
                "constraints": [],
            },
            bases=("keystone.user",),
        ),
    ]
