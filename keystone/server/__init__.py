"""What `manage.py server` does: serve, settings, prestart, check."""
