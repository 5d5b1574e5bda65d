"""Telling those who decide: of people who wait, of people who left, at once or once a day, as each of them chose."""
