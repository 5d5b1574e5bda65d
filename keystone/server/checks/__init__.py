"""`manage.py server check`: everything that would stop or endanger production, at once."""
