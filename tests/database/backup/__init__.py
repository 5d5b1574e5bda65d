"""Tests of backups, on databases of their own."""
