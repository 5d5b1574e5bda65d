"""Sessions, second factors, and the attempts that throttling counts."""

import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("keystone", "0002_triggers"),
    ]

    operations = [
        migrations.CreateModel(
            name="AttemptWindow",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "limit",
                    models.CharField(
                        choices=[
                            ("ip", "IP address"),
                            ("address_and_ip", "Email address and IP address"),
                            ("address", "Email address"),
                            ("requests", "Requests for mails, by IP address"),
                            ("code", "Codes of the second factor"),
                            ("changes", "Changes to one's own account"),
                            ("mails", "Mails to an email address that others requested"),
                        ],
                        max_length=20,
                        verbose_name="counted by",
                    ),
                ),
                ("address", models.CharField(blank=True, max_length=254, verbose_name="email address")),
                ("source", models.CharField(blank=True, max_length=64, verbose_name="IP address")),
                ("count", models.PositiveIntegerField(verbose_name="attempts")),
                (
                    "started_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="since"),
                ),
                ("ends_at", models.DateTimeField(verbose_name="until")),
                ("refused_at", models.DateTimeField(blank=True, null=True, verbose_name="blocked since")),
                (
                    "times",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.DateTimeField(), db_default=[], default=list, editable=False
                    ),
                ),
            ],
            options={
                "verbose_name": "rate limit",
                "verbose_name_plural": "rate limits",
                "ordering": ("-ends_at", "-id"),
                "permissions": (("reset_attemptwindow", "Can reset rate limits"),),
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(
                        condition=models.Q(("address", ""), _negated=True), fields=["address"], name="attempts_address"
                    ),
                    models.Index(fields=["-ends_at", "-id"], name="attempts_ends"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("limit", "address", "source"), name="attempts_key"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("limit__in", ["ip", "address_and_ip", "address", "requests", "code", "changes", "mails"])
                        ),
                        name="attempts_limit_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Authenticator",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("confirmed", models.BooleanField(default=False, editable=False, verbose_name="confirmed")),
                ("sealed_secret", models.CharField(editable=False, max_length=200)),
                ("last_step", models.BigIntegerField(editable=False, null=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="begun"
                    ),
                ),
                ("confirmed_at", models.DateTimeField(editable=False, null=True, verbose_name="set up")),
                ("last_used_at", models.DateTimeField(editable=False, null=True, verbose_name="last used")),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="authenticators",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "authenticator",
                "verbose_name_plural": "authenticators",
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(fields=("user", "confirmed"), name="authenticator_one_each"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("confirmed", True), ("confirmed_at__isnull", False)),
                            models.Q(("confirmed", False), ("confirmed_at__isnull", True)),
                            _connector="OR",
                        ),
                        name="authenticator_confirmed_at",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RecoveryCode",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("digest", models.CharField(editable=False, max_length=64)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="made"
                    ),
                ),
                ("used_at", models.DateTimeField(editable=False, null=True, verbose_name="used")),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="recovery_codes",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "recovery code",
                "verbose_name_plural": "recovery codes",
                "default_permissions": (),
                "constraints": [models.UniqueConstraint(fields=("user", "digest"), name="recovery_code_once")],
            },
        ),
        migrations.CreateModel(
            name="Session",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("refresh_digest", models.CharField(max_length=64)),
                ("browser_key", models.CharField(editable=False, max_length=40, null=True, unique=True)),
                ("spent", models.JSONField(blank=True, db_default={}, default=dict, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="signed in"
                    ),
                ),
                (
                    "last_used_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="last used"
                    ),
                ),
                ("expires_at", models.DateTimeField(db_index=True, verbose_name="ends")),
                ("revoked_at", models.DateTimeField(blank=True, null=True, verbose_name="revoked")),
                ("ip_address", models.GenericIPAddressField(blank=True, null=True, verbose_name="IP address")),
                ("user_agent", models.CharField(blank=True, max_length=300, verbose_name="device")),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sessions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "session",
                "verbose_name_plural": "sessions",
                "ordering": ("-last_used_at", "-id"),
                "permissions": (("end_session", "Can end sessions of others"),),
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(fields=["-last_used_at", "-id"], name="session_last_used"),
                    models.Index(fields=["user", "-last_used_at"], name="session_user"),
                    models.Index(
                        condition=models.Q(("revoked_at__isnull", True)), fields=["user"], name="session_open"
                    ),
                ],
            },
        ),
    ]
