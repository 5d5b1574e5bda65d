"""Scheduled jobs: declared in code, stored in PostgreSQL, run by workers."""

from keystone.scheduling.slots import current_slot

__all__ = ["current_slot"]
