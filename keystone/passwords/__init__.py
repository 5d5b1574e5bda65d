"""Password hashing, the rules for new passwords, and the check for breached ones."""
