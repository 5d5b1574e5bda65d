"""Logs, Sentry, traces, and the health file of a process."""
