"""Tests of two-factor sign-in."""
