"""Data that comes by the file or is made up: importers, seeders, scripts, and pipelines of them."""
