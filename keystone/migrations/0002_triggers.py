"""What constraints cannot say: the audit log only grows, one active superuser is always left, names are composed."""

from typing import ClassVar

from django.db import migrations

# What was done, when, by whom and to whom stays as it is. What tells who that was can be taken away in a transaction
# that says that it erases somebody (keystone.audit.personal_data). A transaction that says which month it archives
# (keystone.audit.archiving) can delete the events of that month, but never those of the present one.
AUDIT = """
CREATE FUNCTION keystone_audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND current_setting('keystone.erasing', true) = 'on' THEN
        IF (NEW.id, NEW.created_at, NEW.actor_id, NEW.actor_kind, NEW.action, NEW.target_type, NEW.target_id,
            NEW.request_id) IS NOT DISTINCT FROM (OLD.id, OLD.created_at, OLD.actor_id, OLD.actor_kind, OLD.action,
            OLD.target_type, OLD.target_id, OLD.request_id) THEN
            RETURN NEW;
        END IF;
    END IF;
    IF TG_OP = 'DELETE'
        AND OLD.created_at < date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
        AND to_char(OLD.created_at AT TIME ZONE 'UTC', 'YYYY-MM') = current_setting('keystone.archiving', true) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'The audit log is append-only.' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER keystone_audit_row BEFORE UPDATE OR DELETE ON keystone_auditevent
    FOR EACH ROW EXECUTE FUNCTION keystone_audit_is_append_only();
CREATE TRIGGER keystone_audit_table BEFORE TRUNCATE ON keystone_auditevent
    FOR EACH STATEMENT EXECUTE FUNCTION keystone_audit_is_append_only();
"""
NO_AUDIT = """
DROP TRIGGER keystone_audit_table ON keystone_auditevent;
DROP TRIGGER keystone_audit_row ON keystone_auditevent;
DROP FUNCTION keystone_audit_is_append_only();
"""

# The lock is that of keystone.accounts.authority. Each statement of the function sees what is committed when it
# starts (READ COMMITTED), so of two transactions that each take one of two superusers away, the second is refused.
SUPERUSER = """
CREATE FUNCTION keystone_superuser_is_left() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.is_superuser AND OLD.status = 'active' THEN
        PERFORM pg_advisory_xact_lock(1801812339);
        IF NOT EXISTS (SELECT 1 FROM keystone_user WHERE is_superuser AND status = 'active') THEN
            RAISE EXCEPTION 'This is the last active superuser.' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER keystone_superuser_left AFTER DELETE OR UPDATE OF is_superuser, status ON keystone_user
    FOR EACH ROW EXECUTE FUNCTION keystone_superuser_is_left();
"""
NO_SUPERUSER = """
DROP TRIGGER keystone_superuser_left ON keystone_user;
DROP FUNCTION keystone_superuser_is_left();
"""

# Names are composed (NFC) when they are written, also by plain SQL, so that they are found as they are typed.
COMPOSED = """
CREATE FUNCTION keystone_compose_names() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.first_name := normalize(NEW.first_name, NFC);
    NEW.last_name := normalize(NEW.last_name, NFC);
    RETURN NEW;
END $$;
CREATE TRIGGER keystone_user_names BEFORE INSERT OR UPDATE OF first_name, last_name ON keystone_user FOR EACH ROW
    WHEN (NEW.first_name IS NOT NFC NORMALIZED OR NEW.last_name IS NOT NFC NORMALIZED)
    EXECUTE FUNCTION keystone_compose_names();
"""
NOT_COMPOSED = """
DROP TRIGGER keystone_user_names ON keystone_user;
DROP FUNCTION keystone_compose_names();
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("keystone", "0001_initial")]
    operations: ClassVar = [
        migrations.RunSQL(AUDIT, NO_AUDIT),
        migrations.RunSQL(SUPERUSER, NO_SUPERUSER),
        migrations.RunSQL(COMPOSED, NOT_COMPOSED),
    ]
