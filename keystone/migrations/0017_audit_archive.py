"""The audit log of a month that is over may be deleted, by whoever archives it."""

from importlib import import_module
from typing import ClassVar

from django.db import migrations

ERASABLE = import_module("keystone.migrations.0007_erasure").ERASABLE
# A transaction says which month it archives (keystone.audit.archiving). Nothing else can be deleted in it, and nothing
# of the present month ever.
ARCHIVABLE = ERASABLE.replace(
    "    RAISE EXCEPTION",
    """    IF TG_OP = 'DELETE'
        AND OLD.created_at < date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
        AND to_char(OLD.created_at AT TIME ZONE 'UTC', 'YYYY-MM') = current_setting('keystone.archiving', true) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION""",
)


class Migration(migrations.Migration):
    dependencies: ClassVar = [("keystone", "0016_changes_per_person")]
    operations: ClassVar = [migrations.RunSQL(ARCHIVABLE, ERASABLE)]
