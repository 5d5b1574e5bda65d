"""What every command of `manage.py` has: how it asks, what it prints, and how it refuses."""
