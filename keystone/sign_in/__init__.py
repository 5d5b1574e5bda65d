"""Signing in, through the API and in browsers: the password, then the second factor of those who have one."""
