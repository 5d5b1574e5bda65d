"""Decisions on people: the queue, undoing a decision, saved reasons, and the notices to approvers."""
