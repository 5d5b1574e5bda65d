"""The setting TWO_FACTOR_REQUIRED: on where the data are real, and switchable everywhere."""

import subprocess
import sys

import pytest
from django.conf import settings

PRODUCTION = {
    "SECRET_KEY": "".join(chr(97 + number * 7 % 26) for number in range(60)),
    "ALLOWED_HOSTS": "keystone.example.com",
    "PUBLIC_URL": "https://keystone.example.com",
    "DATABASE_URL": "postgresql://somebody:long-and-unknown@127.0.0.1/keystone",
}
SHOW = "import django; django.setup(); from keystone.conf import options; print(options().two_factor_required)"


@pytest.mark.parametrize(
    ("environment", "given", "required"),
    [
        ("local", "", "False"),
        ("testing", "", "False"),
        ("staging", "", "True"),
        ("production", "", "True"),
        ("production", "false", "False"),
        ("local", "true", "True"),
    ],
)
def test_staff_must_have_one_in_staging_and_production_unless_told_otherwise(
    environment: str, given: str, required: str
) -> None:
    module = "production" if environment == "staging" else environment
    result = subprocess.run(
        [sys.executable, "-c", SHOW],
        cwd=settings.BASE_DIR,
        env={
            **PRODUCTION,
            "ENVIRONMENT": environment,
            "TWO_FACTOR_REQUIRED": given,
            "DJANGO_SETTINGS_MODULE": f"config.settings.{module}",
            "PATH": "/usr/bin:/bin",
        },
        capture_output=True,
        text=True,
    )
    assert result.stdout.strip() == required, result.stderr
