"""Tests that make up very many inputs."""
