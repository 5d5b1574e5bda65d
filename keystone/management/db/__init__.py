"""The sub-commands of `manage.py db`."""
