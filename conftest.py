"""The fixtures and options of Keystone's tests, for the tests of every package."""

pytest_plugins = ["keystone.tests.selection", "keystone.tests.fixtures", "keystone.tests.measures"]
