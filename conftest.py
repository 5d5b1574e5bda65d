"""Makes the fixtures of Keystone's tests usable in every package's tests, and prints what they measured."""

pytest_plugins = ["keystone.tests.fixtures", "keystone.tests.measures"]
