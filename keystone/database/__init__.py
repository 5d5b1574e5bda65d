"""What `manage.py db` does: status, branches, migrations, backups."""
