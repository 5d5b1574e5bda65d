"""Your settings for staging and production."""

from config.settings.base import *
from keystone.settings.production import *
from keystone.settings.safety import refuse_unsafe

# Put your changes before this line, which checks the final settings.
UNSAFE = refuse_unsafe(globals())
