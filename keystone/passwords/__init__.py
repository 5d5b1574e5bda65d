"""Passwords: how they are hashed, what a new one may not be, and whether it has leaked."""
