"""Notices to approvers: immediate, daily or off, as each of them chose."""
