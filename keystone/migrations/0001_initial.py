"""People, their one-time tokens and preferences, and the audit log."""

import django.core.serializers.json
import django.db.models.deletion
import django.db.models.functions.datetime
import keystone.accounts.names
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.CreateModel(
            name="User",
            fields=[
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="created"
                    ),
                ),
                ("updated_at", models.DateTimeField(auto_now=True, verbose_name="changed")),
                ("password", models.CharField(max_length=128, verbose_name="password")),
                ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                (
                    "is_superuser",
                    models.BooleanField(
                        default=False,
                        help_text="Designates that this user has all permissions without explicitly assigning them.",
                        verbose_name="superuser status",
                    ),
                ),
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("email", models.EmailField(max_length=254, verbose_name="email address")),
                (
                    "email_normalized",
                    models.CharField(editable=False, max_length=254, unique=True, verbose_name="normalized address"),
                ),
                (
                    "first_name",
                    models.CharField(
                        blank=True,
                        max_length=100,
                        validators=[keystone.accounts.names.validate_name],
                        verbose_name="first name",
                    ),
                ),
                (
                    "last_name",
                    models.CharField(
                        blank=True,
                        max_length=100,
                        validators=[keystone.accounts.names.validate_name],
                        verbose_name="last name",
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("pending_email_verification", "Email not verified"),
                            ("pending_admin_approval", "Awaiting decision"),
                            ("active", "Active"),
                            ("rejected", "Rejected"),
                            ("suspended", "Suspended"),
                            ("deactivated", "Deactivated"),
                        ],
                        editable=False,
                        max_length=32,
                        verbose_name="status",
                    ),
                ),
                ("status_changed_at", models.DateTimeField(editable=False, verbose_name="in this status since")),
                ("status_reason", models.TextField(blank=True, editable=False, verbose_name="reason given")),
                (
                    "approval_flow",
                    models.CharField(
                        choices=[
                            ("none", "None"),
                            ("email_verification", "Email verification"),
                            ("admin_approval", "Approval"),
                            ("email_verification_and_admin_approval", "Email verification and approval"),
                        ],
                        editable=False,
                        max_length=48,
                        verbose_name="approval flow",
                    ),
                ),
                (
                    "is_active",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Q(("status", "active")),
                        output_field=models.BooleanField(verbose_name="active"),
                    ),
                ),
                (
                    "email_verified_at",
                    models.DateTimeField(blank=True, editable=False, null=True, verbose_name="email verified"),
                ),
                (
                    "awaiting_since",
                    models.DateTimeField(blank=True, editable=False, null=True, verbose_name="awaiting decision since"),
                ),
                ("decided_at", models.DateTimeField(blank=True, editable=False, null=True, verbose_name="decided")),
                (
                    "rejection_count",
                    models.PositiveSmallIntegerField(default=0, editable=False, verbose_name="previous rejections"),
                ),
                (
                    "access_ends_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="The account is deactivated at this time (UTC).",
                        null=True,
                        verbose_name="access ends",
                    ),
                ),
                (
                    "suspended_until",
                    models.DateTimeField(blank=True, editable=False, null=True, verbose_name="suspended until"),
                ),
                ("expiry_warned_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("access_version", models.PositiveIntegerField(db_default=1, default=1, editable=False)),
                ("erased_at", models.DateTimeField(blank=True, editable=False, null=True, verbose_name="erased")),
                (
                    "is_staff",
                    models.BooleanField(default=False, help_text="May sign in to the admin.", verbose_name="staff"),
                ),
                (
                    "groups",
                    models.ManyToManyField(
                        blank=True,
                        help_text="The groups this user belongs to. A user will get all permissions granted to each of their groups.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.group",
                        verbose_name="groups",
                    ),
                ),
                (
                    "user_permissions",
                    models.ManyToManyField(
                        blank=True,
                        help_text="Specific permissions for this user.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.permission",
                        verbose_name="user permissions",
                    ),
                ),
            ],
            options={
                "verbose_name": "person",
                "verbose_name_plural": "people",
                "ordering": ("-created_at", "-id"),
                "permissions": (
                    ("approve_user", "Can approve and reject people"),
                    ("suspend_user", "Can suspend, reactivate and deactivate people"),
                    ("export_user", "Can export people"),
                    ("erase_user", "Can erase people"),
                ),
                "default_permissions": ("add", "change", "view"),
                "indexes": [
                    models.Index(fields=["-created_at", "-id"], name="user_created"),
                    models.Index(fields=["last_name", "id"], name="user_last_name"),
                    models.Index(fields=["status", "-created_at", "-id"], name="user_status"),
                    models.Index(fields=["approval_flow", "-created_at", "-id"], name="user_flow"),
                    models.Index(
                        condition=models.Q(("email_verified_at__isnull", True)),
                        fields=["-created_at", "-id"],
                        name="user_unverified",
                    ),
                    models.Index(
                        condition=models.Q(("is_staff", True)), fields=["-created_at", "-id"], name="user_staff"
                    ),
                    models.Index(
                        condition=models.Q(("status__in", ("pending_email_verification", "pending_admin_approval"))),
                        fields=["status_changed_at", "id"],
                        name="user_undecided",
                    ),
                    models.Index(
                        condition=models.Q(("status", "pending_admin_approval")),
                        fields=["awaiting_since", "id"],
                        name="user_queue",
                    ),
                    models.Index(
                        condition=models.Q(("status", "pending_email_verification")),
                        fields=["status_changed_at", "id"],
                        name="user_queue_unverified",
                    ),
                    models.Index(
                        condition=models.Q(("rejection_count__gt", 0), ("status", "pending_admin_approval")),
                        fields=["awaiting_since", "id"],
                        name="user_queue_again",
                    ),
                    models.Index(
                        condition=models.Q(("decided_at__isnull", False)), fields=["decided_at"], name="user_decided"
                    ),
                    models.Index(
                        condition=models.Q(("access_ends_at__isnull", False)),
                        fields=["access_ends_at"],
                        name="user_ends",
                    ),
                    models.Index(
                        condition=models.Q(("suspended_until__isnull", False)),
                        fields=["suspended_until"],
                        name="user_lifted",
                    ),
                    models.Index(condition=models.Q(("is_superuser", True)), fields=["id"], name="user_superusers"),
                    models.Index(
                        models.Func(
                            models.F("email_normalized"),
                            output_field=models.CharField(),
                            template="split_part(%(expressions)s, '@', -1)",
                        ),
                        name="user_domain",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("email",), name="user_email"),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "status__in",
                                [
                                    "pending_email_verification",
                                    "pending_admin_approval",
                                    "active",
                                    "rejected",
                                    "suspended",
                                    "deactivated",
                                ],
                            )
                        ),
                        name="user_status_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "approval_flow__in",
                                [
                                    "none",
                                    "email_verification",
                                    "admin_approval",
                                    "email_verification_and_admin_approval",
                                ],
                            )
                        ),
                        name="user_flow_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "pending_email_verification"), _negated=True),
                            ("email_verified_at__isnull", True),
                            _connector="OR",
                        ),
                        name="user_pending_email_is_unverified",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("approval_flow", "email_verification_and_admin_approval"),
                                ("status", "pending_admin_approval"),
                                _negated=True,
                            ),
                            ("email_verified_at__isnull", False),
                            _connector="OR",
                        ),
                        name="user_queued_after_verification",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "pending_admin_approval"), _negated=True),
                            ("awaiting_since__isnull", False),
                            _connector="OR",
                        ),
                        name="user_queued_since",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "rejected"), _negated=True),
                            models.Q(("decided_at__isnull", False), ("rejection_count__gt", 0)),
                            _connector="OR",
                        ),
                        name="user_rejected_at",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "suspended"), _negated=True),
                            models.Q(("status_reason", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="user_suspended_for_a_reason",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("status", "suspended"), ("suspended_until__isnull", True), _connector="OR"),
                        name="user_only_suspended_has_an_end",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("erased_at", None),
                            models.Q(
                                ("first_name", ""),
                                ("is_staff", False),
                                ("is_superuser", False),
                                ("last_name", ""),
                                ("status", "deactivated"),
                            ),
                            _connector="OR",
                        ),
                        name="user_erased_is_nobody",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("is_superuser", False), ("is_staff", True), _connector="OR"),
                        name="user_superuser_is_staff",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("email_normalized", ""), _negated=True), ("email_normalized__contains", "@")
                        ),
                        name="user_has_an_address",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="AuditEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="when"
                    ),
                ),
                (
                    "actor_kind",
                    models.CharField(
                        choices=[
                            ("person", "the person"),
                            ("administrator", "administrator"),
                            ("cli", "command line"),
                            ("job", "scheduled job"),
                            ("system", "system"),
                        ],
                        max_length=20,
                        verbose_name="kind of actor",
                    ),
                ),
                ("actor_label", models.CharField(max_length=320, verbose_name="who")),
                ("action", models.CharField(max_length=60, verbose_name="action")),
                ("target_type", models.CharField(max_length=60, verbose_name="kind of target")),
                ("target_id", models.CharField(max_length=64, verbose_name="target id")),
                ("target_label", models.CharField(max_length=320, verbose_name="target")),
                ("reason", models.TextField(blank=True, verbose_name="reason")),
                ("note", models.TextField(blank=True, verbose_name="internal note")),
                (
                    "changes",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        encoder=django.core.serializers.json.DjangoJSONEncoder,
                        verbose_name="changes",
                    ),
                ),
                ("ip_address", models.GenericIPAddressField(blank=True, null=True, verbose_name="IP address")),
                ("request_id", models.CharField(blank=True, max_length=64, verbose_name="request id")),
                (
                    "actor",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="who",
                    ),
                ),
            ],
            options={
                "verbose_name": "audit event",
                "verbose_name_plural": "audit events",
                "ordering": ("-created_at", "-id"),
                "permissions": (("export_auditevent", "Can export the audit log"),),
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(fields=["-created_at", "-id"], name="audit_created"),
                    models.Index(fields=["action", "-created_at"], name="audit_action"),
                    models.Index(fields=["target_id", "-created_at", "-id"], name="audit_target"),
                    models.Index(fields=["actor", "-created_at"], name="audit_actor"),
                    models.Index(fields=["actor_kind", "-created_at"], name="audit_actor_kind"),
                    models.Index(
                        condition=models.Q(("action", "user.registered"), ("ip_address__isnull", False)),
                        fields=["ip_address"],
                        name="audit_registered_from",
                    ),
                    models.Index(
                        condition=models.Q(("request_id", ""), _negated=True),
                        fields=["request_id"],
                        name="audit_request",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="OneTimeToken",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("digest", models.CharField(max_length=64, unique=True)),
                (
                    "purpose",
                    models.CharField(
                        choices=[
                            ("verify_email", "verify an email address"),
                            ("reset_password", "set a new password"),
                            ("confirm_email", "confirm a new email address"),
                            ("revert_email", "revert a change of email address"),
                        ],
                        max_length=20,
                    ),
                ),
                ("email", models.CharField(blank=True, db_default="", max_length=254)),
                ("email_normalized", models.CharField(max_length=254)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("expires_at", models.DateTimeField(db_index=True)),
                ("used_at", models.DateTimeField(null=True)),
                ("took_effect", models.BooleanField(db_default=False, default=False)),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tokens",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "one-time token",
                "verbose_name_plural": "one-time tokens",
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["user", "purpose"], name="token_user"),
                    models.Index(
                        condition=models.Q(("purpose", "revert_email")), fields=["email_normalized"], name="token_held"
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("purpose__in", ["verify_email", "reset_password", "confirm_email", "revert_email"])
                        ),
                        name="token_purpose_known",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Preferences",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="preferences",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "approval_notices",
                    models.CharField(
                        choices=[
                            ("immediate", "At once, one mail for each person"),
                            ("digest", "Once a day, one mail for all waiting people"),
                            ("off", "No mail"),
                        ],
                        default="immediate",
                        max_length=16,
                        verbose_name="notifications of waiting people",
                    ),
                ),
            ],
            options={
                "verbose_name": "preferences",
                "verbose_name_plural": "preferences",
                "default_permissions": (),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("approval_notices__in", ["immediate", "digest", "off"])),
                        name="preferences_notices_known",
                    )
                ],
            },
        ),
    ]
