"""Actors (a person, an administrator, a command, a job), and checking their rights again when they act."""
