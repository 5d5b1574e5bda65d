"""Metrics for Prometheus: each process counts its requests; everything else is queried from the database."""
