"""Scheduled jobs: declared in code, kept in PostgreSQL, run by workers."""

from keystone.scheduling.slots import current_slot

__all__ = ["current_slot"]
