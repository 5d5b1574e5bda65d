"""The sub-commands of `manage.py data`."""
