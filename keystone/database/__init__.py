"""Implementation of `manage.py db`: status, branches, migrations, backups."""
