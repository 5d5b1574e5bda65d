"""The parts of `manage.py data`, by what they run."""
