import os
import subprocess
import sys

import pytest

from config.env import BASE_DIR
from keystone.tests.served.server import database_url

SAFE = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": "k8Jd-2mQx_7Zt0Wc4Vb9Ny6Lp3Rf1Hs5Gu8Ae-XoKiTqEwDzSj",
    "ALLOWED_HOSTS": "keystone.example.com",
    "PUBLIC_URL": "https://keystone.example.com",
    "DATABASE_URL": "postgresql://keystone@127.0.0.1/keystone",
}


def check(**change: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], **SAFE, **change}
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    return subprocess.run(command, cwd=BASE_DIR, env=environment, capture_output=True, text=True)


@pytest.mark.django_db
def test_production_starts_with_safe_settings_and_no_warning() -> None:
    result = check(DATABASE_URL=database_url())  # the check asks the server for its version
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY is not set."),
        ({"SECRET_KEY": "x"}, "SECRET_KEY is too easy to guess"),
        ({"SECRET_KEY": "x" * 60}, "SECRET_KEY is too easy to guess"),
        ({"SECRET_KEY": "local-only-insecure-key-that-production-refuses-to-start-with"}, "everybody knows"),
        ({"SECRET_KEY_FALLBACKS": "django-insecure-" + "abcdefgh" * 6}, "everybody knows"),
        ({"ALLOWED_HOSTS": ""}, "ALLOWED_HOSTS is not set."),
        ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS must name the hosts"),
        ({"PUBLIC_URL": ""}, "PUBLIC_URL must begin with https://"),
        ({"PUBLIC_URL": "http://keystone.example.com"}, "PUBLIC_URL must begin with https://"),
        ({"FRONTEND_URL": "http://example.com"}, "FRONTEND_URL must begin with https://"),
        ({"DATABASE_URL": ""}, "No database is named."),
    ],
)
def test_production_refuses_each_unsafe_setting(change: dict[str, str], fault: str) -> None:
    result = check(**change)
    assert result.returncode == 1
    assert fault in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_production_tells_every_fault_at_once() -> None:
    result = check(SECRET_KEY="x", ALLOWED_HOSTS="*", PUBLIC_URL="http://example.com")
    assert len(result.stderr.strip().splitlines()) == 3
