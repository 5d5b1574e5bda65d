"""What constraints cannot say: the audit log only grows, and one active superuser is always left."""

from typing import ClassVar

from django.db import migrations

AUDIT = """
CREATE FUNCTION keystone_audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
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


class Migration(migrations.Migration):
    dependencies: ClassVar = [("keystone", "0001_initial")]
    operations: ClassVar = [
        migrations.RunSQL(AUDIT, NO_AUDIT),
        migrations.RunSQL(SUPERUSER, NO_SUPERUSER),
    ]
