"""Decisions on people: the queue, undoing a decision, saved reasons, and the notices to approvers.

Approving and rejecting themselves are transitions of an account: see `keystone.accounts.lifecycle`.
"""
