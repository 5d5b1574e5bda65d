"""The admin of mail: the outbox, what its mails look like, and the addresses that are not mailed."""
