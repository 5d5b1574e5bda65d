"""What a process tells of itself: the log, errors for Sentry, traces, and the file of its health."""
