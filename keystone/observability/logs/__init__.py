"""The log: one place that every line passes, where secrets are masked, and the forms that lines have."""
