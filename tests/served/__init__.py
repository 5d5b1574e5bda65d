"""Tests against the served application: real processes, real connections, many callers at once."""
