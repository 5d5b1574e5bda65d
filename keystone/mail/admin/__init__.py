"""The admin of mail: the outbox, previews, and suppressed email addresses."""
