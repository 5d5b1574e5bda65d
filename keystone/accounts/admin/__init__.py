"""The admin of accounts: the queue of decisions, the people, the groups and the dashboard."""
