"""Figures for Prometheus: what each process counts of its requests, and what the database tells of everything else."""
