"""The application, which can take a guard away: the controls show that the tests fail without it."""

import os

from django.apps import AppConfig


class FaultsConfig(AppConfig):
    """Takes away what the variable FAULTS_WITHOUT names."""

    name = "tests.faults"

    def ready(self) -> None:
        """Take it away."""
        if guard := os.environ.get("FAULTS_WITHOUT"):
            from tests.faults import unguarded

            unguarded.WITHOUT[guard]()
