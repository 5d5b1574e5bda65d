"""Index of the importers, so that they are found. Each stands with its subject."""

from keystone.accounts import importing as accounts

__all__ = ["accounts"]
