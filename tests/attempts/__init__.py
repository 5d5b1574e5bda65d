"""Tests of attempt limits."""
