"""The subcommands of `manage.py server`: serve, settings, prestart, check."""
