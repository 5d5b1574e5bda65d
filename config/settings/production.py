"""Yours: what differs in staging and production."""

from config.settings.base import *
from keystone.settings.production import *
from keystone.settings.safety import refuse_unsafe

# Your changes come before this line, which sees what is in force.
UNSAFE = refuse_unsafe(globals())
