"""Rate limits on guessing secrets. Attempts are counted in PostgreSQL before anything is compared."""
