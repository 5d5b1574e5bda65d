"""Your settings for tests."""

import os

os.environ["ENVIRONMENT"] = "testing"  # overrides the shell: these settings are for tests only

from config.settings.base import *
from keystone.settings.testing import *
