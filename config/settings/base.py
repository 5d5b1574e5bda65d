"""Yours: what differs from Keystone's settings in every environment. Keystone's own files need no edit.

Change what `keystone.settings.base` has, or add to it. The file of each environment is read after this one.
"""

from keystone.settings.base import *

# Your apps come before Keystone's: your templates, static files, commands and URLs win.
INSTALLED_APPS = ["project", *INSTALLED_APPS]

# Queues of your tasks beside `default` and `mail`; a worker serves all of them, or those that it is told.
TASKS["default"]["QUEUES"] += []

# Keystone's options, by name (see `keystone/conf.py` and docs/extending.md).
KEYSTONE |= {}
