"""Logging: every entry passes one place that masks secrets, and is written in one of two formats."""
