"""Importers, seeders, scripts, and pipelines of them."""
