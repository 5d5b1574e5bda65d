"""The admin site, its two-step sign-in, and the pages of one's own second factor."""
