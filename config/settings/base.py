"""Your settings for every environment. Keystone's own files need no edits.

Change the settings of `keystone.settings.base`, or add to them. The file of each environment is read after this one.
"""

from keystone.settings.base import *

# Your apps come before Keystone's: your templates, static files, commands and URLs take precedence.
INSTALLED_APPS = ["project", *INSTALLED_APPS]

# Queues of your tasks in addition to `default` and `mail`. A worker serves all of them, or those given as options.
TASKS["default"]["QUEUES"] += []

# Keystone's options, by name (see `keystone/conf.py` and docs/extending.md).
KEYSTONE |= {}
