"""The development environment: known administrator, sample people, and a web server with a worker and a scheduler."""
