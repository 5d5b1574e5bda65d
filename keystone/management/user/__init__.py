"""The parts of `manage.py user`, by what they are for."""
