"""Makes the fixtures of Keystone's tests usable in every package's tests."""

pytest_plugins = ["keystone.tests.fixtures"]
