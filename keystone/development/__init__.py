"""What only a developer's own machine has: an administrator with a known password, sample people, a web server with
a worker and a scheduler."""
