"""Attempt limits: how often secrets may be guessed at, counted in PostgreSQL before anything is compared."""
