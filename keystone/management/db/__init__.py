"""The parts of `manage.py db`."""
