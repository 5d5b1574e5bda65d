"""Index of the seeders, so that they are found. Each stands with its subject."""

from keystone.accounts import seeding as accounts

__all__ = ["accounts"]
