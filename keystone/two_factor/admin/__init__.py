"""The admin's part of two-factor sign-in: its two steps, one's own pages, and the help for others."""
