"""Shared parts of the commands: prompts, output, errors."""
