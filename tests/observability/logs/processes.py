"""Python in a process of its own, with Django and its log set up."""

import os
import subprocess
import sys

from django.conf import settings


def run(code: str, *, redirect: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `code` with the tests' settings and these variables.

    Args:
        code: what follows `django.setup()`.
        redirect: of the shell, such as `2>&-`.
    """
    variables = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings.testing", **environment}
    command = ["sh", "-c", f'exec "$0" -c "$1" {redirect}', sys.executable, f"import django; django.setup()\n{code}"]
    return subprocess.run(command, cwd=settings.BASE_DIR, env=variables, capture_output=True, text=True, timeout=120)
