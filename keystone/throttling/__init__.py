"""Rate limits: how often secrets may be guessed, counted in PostgreSQL before anything is compared."""
