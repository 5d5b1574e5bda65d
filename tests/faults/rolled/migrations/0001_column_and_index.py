"""What the older code can live with: a column that may be empty, and an index that is made while people write."""

from django.db import migrations

COLUMN = "ALTER TABLE keystone_user ADD COLUMN faults_note text NULL"
INDEX = "CREATE INDEX CONCURRENTLY faults_note ON keystone_user (faults_note)"


class Migration(migrations.Migration):
    atomic = False
    operations = [
        migrations.RunSQL(COLUMN, "ALTER TABLE keystone_user DROP COLUMN faults_note"),
        migrations.RunSQL(INDEX, "DROP INDEX CONCURRENTLY faults_note"),
    ]
