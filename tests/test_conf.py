import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from keystone.conf import Options, options


def test_options_have_defaults_and_take_what_the_setting_says(settings: Settings) -> None:
    settings.KEYSTONE = {}
    assert options() == Options()
    settings.KEYSTONE = {"PROJECT_NAME": "Acme", "SESSION_LIFETIME": timedelta(days=1)}
    assert (options().project_name, options().session_lifetime) == ("Acme", timedelta(days=1))


def test_links_start_with_the_front_end_where_there_is_one(settings: Settings) -> None:
    settings.KEYSTONE = {"PUBLIC_URL": "https://api.example.com"}
    assert options().link_url == "https://api.example.com"
    settings.KEYSTONE = {"PUBLIC_URL": "https://api.example.com", "FRONTEND_URL": "https://example.com"}
    assert options().link_url == "https://example.com"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"PROJEKT_NAME": "x"}, r"^KEYSTONE has no option PROJEKT_NAME\. It knows ACCESS_TOKEN_LIFETIME, "),
        ({"PROJECT_NAME": 1}, r"^KEYSTONE\['PROJECT_NAME'\] must be a str, not 1\.$"),
        ({"TRUSTED_PROXIES": True}, r"must be a int, not True"),
        ({"SESSION_LIFETIME": 30}, r"must be a timedelta, not 30"),
        ({"APPROVAL_NOTICES": "weekly"}, r"must be one of immediate, digest, off, not 'weekly'\.$"),
        ({"APPROVAL_NOTICES_PER_HOUR": 0}, r"^KEYSTONE\['APPROVAL_NOTICES_PER_HOUR'\] must be at least 1\.$"),
        (
            {"UNVERIFIED_EXPIRE_AFTER": timedelta(days=3)},
            r"^KEYSTONE\['UNVERIFIED_EXPIRE_AFTER'\] must be longer than KEYSTONE\['UNVERIFIED_WARNED_AFTER'\], or 0",
        ),
        ({"PASSWORD_HASHING_PARALLEL": 0}, r"^KEYSTONE\['PASSWORD_HASHING_PARALLEL'\] must be at least 1\.$"),
    ],
)
def test_wrong_options_are_refused(settings: Settings, given: dict[str, Any], message: str) -> None:
    settings.KEYSTONE = given
    with pytest.raises(ImproperlyConfigured, match=message):
        options()


def test_an_unknown_flow_is_refused(settings: Settings) -> None:
    settings.KEYSTONE = {"DEFAULT_USER_APPROVAL_FLOW": "whatever"}
    with pytest.raises(ImproperlyConfigured, match=r"'whatever' is not a valid ApprovalFlow\. Choose one of none, "):
        apps.get_app_config("keystone").ready()


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["manage.py", "check"], ["-c", "import config.wsgi"]])
def test_a_wrong_value_stops_every_way_to_start(arguments: list[str]) -> None:
    result = subprocess.run(
        [sys.executable, *arguments],
        cwd=django_settings.BASE_DIR,
        env={"ENVIRONMENT": "testing", "DEFAULT_USER_APPROVAL_FLOW": "whatever", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    assert "DEFAULT_USER_APPROVAL_FLOW: 'whatever' is not a valid ApprovalFlow." in result.stderr
    assert ("Traceback" in result.stderr) is (arguments[0] == "-c")
