"""Cached responses and values, which are correct even if the cache fails."""
