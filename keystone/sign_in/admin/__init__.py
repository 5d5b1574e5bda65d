"""The admin's site, the two steps of signing in to it, and the pages of one's own second factor."""
