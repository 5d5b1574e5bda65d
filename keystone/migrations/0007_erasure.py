"""Erasing a person: since when, who may, and what of the audit log may change then."""

from typing import ClassVar

from django.db import migrations, models

# What was done, when, by whom and to whom stays as it is; what tells who that was can be taken away, in a transaction
# that says that this is what it does (keystone.audit.personal_data).
ERASABLE = """
CREATE OR REPLACE FUNCTION keystone_audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND current_setting('keystone.erasing', true) = 'on' THEN
        IF (NEW.id, NEW.created_at, NEW.actor_id, NEW.actor_kind, NEW.action, NEW.target_type, NEW.target_id,
            NEW.request_id) IS NOT DISTINCT FROM (OLD.id, OLD.created_at, OLD.actor_id, OLD.actor_kind, OLD.action,
            OLD.target_type, OLD.target_id, OLD.request_id) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'The audit log is append-only.' USING ERRCODE = 'integrity_constraint_violation';
END $$;
"""
APPEND_ONLY = """
CREATE OR REPLACE FUNCTION keystone_audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The audit log is append-only.' USING ERRCODE = 'integrity_constraint_violation';
END $$;
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("keystone", "0006_task_indexes")]
    operations: ClassVar = [
        migrations.RunSQL(ERASABLE, APPEND_ONLY),
        migrations.AlterModelOptions(
            name="user",
            options={
                "default_permissions": ("add", "change", "view"),
                "ordering": ("-created_at", "-id"),
                "permissions": (
                    ("approve_user", "Can approve and reject people"),
                    ("suspend_user", "Can suspend, reactivate and deactivate people"),
                    ("export_user", "Can export people"),
                    ("erase_user", "Can erase people"),
                ),
                "verbose_name": "person",
                "verbose_name_plural": "people",
            },
        ),
        migrations.AddField(
            model_name="user",
            name="erased_at",
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name="erased"),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=models.Q(erased_at=None)
                | models.Q(status="deactivated", is_staff=False, is_superuser=False, first_name="", last_name=""),
                name="user_erased_is_nobody",
            ),
        ),
    ]
