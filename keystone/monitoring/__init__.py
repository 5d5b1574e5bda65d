"""What monitors ask: whether a process is ready, and the figures for Prometheus."""
