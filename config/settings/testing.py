"""Yours: what differs in tests."""

import os

os.environ["ENVIRONMENT"] = "testing"  # whatever the shell says: these settings are for nothing else

from config.settings.base import *
from keystone.settings.testing import *
