"""Declaring jobs."""

import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from keystone.scheduling import registry
from keystone.scheduling.registry import declarations, scheduled

MINUTE = timedelta(minutes=1)


def tidy() -> None:
    """Tidies up.

    It takes a broom.
    """


async def sweep() -> None: ...


tidy.__module__ = sweep.__module__ = "project.jobs"  # the tests are in no installed app


def test_a_job_is_declared_under_a_stable_name_and_stays_a_function() -> None:
    assert scheduled(cron="0 3 * * *", timezone="Europe/Berlin")(tidy) is tidy
    declaration = declarations()["project.tidy"]
    assert declaration.function is tidy
    assert declaration.description == "Tidies up."
    assert str(declaration.trigger) == "cron 0 3 * * * Europe/Berlin"
    assert (declaration.misfire_grace, declaration.overlap, declaration.max_attempts) == (None, False, 1)


def test_a_job_may_have_a_name_of_its_own() -> None:
    scheduled(every=MINUTE, id="shop.sweep", misfire_grace=MINUTE, overlap=True, max_attempts=3)(sweep)
    declaration = declarations()["shop.sweep"]
    assert (declaration.misfire_grace, declaration.overlap, declaration.max_attempts) == (MINUTE, True, 3)
    assert declaration.description == ""


def test_the_same_function_may_be_declared_again() -> None:
    scheduled(every=MINUTE)(tidy)
    scheduled(every=2 * MINUTE)(tidy)
    assert str(declarations()["project.tidy"].trigger) == "every 120 s"


def test_two_functions_may_not_have_the_same_name() -> None:
    scheduled(every=MINUTE, id="shop.tidy")(tidy)
    with pytest.raises(ImproperlyConfigured, match=r"project\.jobs\.tidy has the id 'shop\.tidy' already"):
        scheduled(every=MINUTE, id="shop.tidy")(sweep)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({}, "give either cron= or every="),
        ({"cron": "* * * * *", "every": MINUTE}, "give either cron= or every="),
        ({"cron": "* * *"}, "has 3 fields"),
        ({"cron": "0 3 * * *", "timezone": "Mars/Olympus"}, "There is no time zone 'Mars/Olympus'"),
        ({"every": MINUTE, "timezone": "Europe/Berlin"}, "timezone= goes with cron="),
        ({"every": timedelta(seconds=0.5)}, "must be from 1 second to 366 days"),
        ({"every": MINUTE, "misfire_grace": timedelta(0)}, "must be whole seconds, from 1 on"),
        ({"every": MINUTE, "misfire_grace": timedelta(seconds=1.5)}, "must be whole seconds, from 1 on"),
        ({"every": MINUTE, "max_attempts": 0}, "max_attempts=0 must be at least 1"),
        ({"every": MINUTE, "id": "tidy up"}, "'tidy up' is no id"),
        ({"every": MINUTE, "id": "x" * 201}, "is no id"),
    ],
)
def test_a_wrong_declaration_says_what_is_wrong_and_where(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^@scheduled on project\.jobs\.tidy: ") as caught:
        scheduled(**options)(tidy)
    assert problem in str(caught.value)
    assert not declarations()


def test_a_job_takes_no_arguments() -> None:
    def weigh(weight: int = 1) -> int:
        return weight

    weigh.__module__ = "project.jobs"
    with pytest.raises(ImproperlyConfigured, match="a job takes no arguments"):
        scheduled(every=MINUTE)(weigh)


def test_a_function_outside_of_any_app_needs_a_name() -> None:
    def lost() -> None: ...

    lost.__module__ = "somewhere.else"
    with pytest.raises(ImproperlyConfigured, match="it is in no installed app"):
        scheduled(every=MINUTE)(lost)
    scheduled(every=MINUTE, id="lost")(lost)


def test_what_is_declared_cannot_be_changed_from_outside() -> None:
    with pytest.raises(TypeError):
        registry.declarations()["x"] = None  # type: ignore[index]  # that is what is tried


@pytest.mark.slow
def test_the_jobs_of_every_app_are_found_and_a_wrong_one_stops_the_start(tmp_path: Any) -> None:
    package = tmp_path / "faulty"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "settings.py").write_text(
        "from config.settings.testing import *\nINSTALLED_APPS = [*INSTALLED_APPS, 'faulty']\n"
    )
    (package / "jobs.py").write_text(
        "from keystone.scheduling.registry import scheduled\n\n\n@scheduled(cron='61 * * * *')\ndef tidy(): ...\n"
    )
    command = [sys.executable, "manage.py", "check"]
    environment = {"PATH": "", "PYTHONPATH": str(tmp_path), "DJANGO_SETTINGS_MODULE": "faulty.settings"}
    ended = subprocess.run(command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True)
    assert ended.returncode == 1
    assert "@scheduled on faulty.jobs.tidy: cron='61 * * * *': '61' is no minute" in ended.stderr
