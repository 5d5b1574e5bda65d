"""`manage.py server check`: everything that would stop or endanger production, found one by one and told at once."""
