"""The sub-commands of `manage.py user`."""
