"""Your settings for development machines."""

from config.settings.base import *
from keystone.settings.local import *
