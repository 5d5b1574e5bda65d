"""The fixtures and options of Keystone's tests, for the tests of every package."""

pytest_plugins = ["tests.selection", "keystone.testing.plugin", "tests.measures"]
