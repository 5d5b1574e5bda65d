"""Cached responses and values, correct whatever happens to the cache."""
