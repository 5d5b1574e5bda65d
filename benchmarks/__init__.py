"""What Keystone's parts cost, measured beside what they are built on."""
