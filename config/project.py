"""Yours: what your product adds to the settings. Keystone's own files need no edit."""

# Your apps come before Keystone's: your templates, static files, commands and URLs win.
PROJECT_APPS = ["project"]

# Queues of your tasks beside `default` and `mail`; a worker serves all of them, or those that it is told.
PROJECT_QUEUES: list[str] = []

# Overrides of Keystone's options, by name (see `keystone/conf.py` and docs/extending.md).
PROJECT_KEYSTONE: dict[str, object] = {}
