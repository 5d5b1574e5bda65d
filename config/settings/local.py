"""Yours: what differs on a developer's machine."""

from config.settings.base import *
from keystone.settings.local import *
