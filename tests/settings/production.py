"""Settings of other environments, loaded in the tests' own process or in one of their own."""

import importlib
import os
import subprocess
import sys
from typing import Any
from unittest import mock

import config
import keystone
from keystone.environment.env import BASE_DIR

KEY = "k8Jd-2mQx_7Zt0Wc4Vb9Ny6Lp3Rf1Hs5Gu8Ae-XoKiTqEwDzSj"
SAFE = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": KEY,
    "ALLOWED_HOSTS": "keystone.example.com",
    "PUBLIC_URL": "https://keystone.example.com",
    "FRONTEND_URL": "https://app.example.com",
    "DATABASE_URL": "postgresql://keystone@127.0.0.1/keystone",
    "EMAILS_FROM_EMAIL": "no-reply@keystone.test",
}


def loaded(**change: str) -> Any:
    """The settings module of production, or of another ENVIRONMENT, under safe variables but for `change`.

    This process keeps its own settings.

    Raises:
        ImproperlyConfigured: a process with these variables would not start.
    """
    variables = {**SAFE, **change}
    environment = "production" if variables["ENVIRONMENT"] == "staging" else variables["ENVIRONMENT"]
    with (
        mock.patch.dict(os.environ, variables, clear=True),
        mock.patch.dict(sys.modules),
        mock.patch.dict(vars(config)),  # the import sets its attributes
        mock.patch.dict(vars(keystone)),
    ):
        for name in [name for name in sys.modules if name.startswith(("config.settings", "keystone.settings"))]:
            del sys.modules[name]  # it was loaded under the tests' variables
        return importlib.import_module(f"config.settings.{environment}")


def run(*arguments: str, **change: str) -> tuple[int, str, str]:
    """Run Python in a process of its own under the same variables: its exit code, stdout and stderr."""
    kept = {name: value for name, value in os.environ.items() if name == "PATH" or name.startswith("COV")}
    environment = {**kept, **SAFE, **change}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=BASE_DIR, env=environment, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr
