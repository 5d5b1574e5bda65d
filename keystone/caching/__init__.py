"""Answers and values that are kept for a while: never wrong, whatever becomes of the cache."""
