"""What `manage.py server` does: serving, the settings of the environment, first steps of a start, and a look at all."""
