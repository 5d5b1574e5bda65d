"""What `manage.py db` does: status, branches of migrations, moves, backups."""
