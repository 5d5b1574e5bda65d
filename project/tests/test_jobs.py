"""Tests of the example job. Its function is called directly."""

import pytest

from keystone.scheduling.registry import declarations
from keystone.testing.factories import UserFactory
from project.jobs import tidy_organisations
from project.models import Profile


def test_the_job_is_declared() -> None:
    declaration = declarations()["project.tidy_organisations"]
    assert declaration.function is tidy_organisations
    assert str(declaration.trigger) == "cron 15 4 * * * UTC"
    assert declaration.description == "Takes superfluous spaces out of the names of organisations."


@pytest.mark.django_db
def test_superfluous_spaces_are_taken_out() -> None:
    for organisation in ("  Acme   Ltd ", "Fine Ltd", ""):
        Profile.objects.create(user=UserFactory(), organisation=organisation)
    assert tidy_organisations() == {"tidied": 1}
    assert sorted(Profile.objects.values_list("organisation", flat=True)) == ["", "Acme Ltd", "Fine Ltd"]
    assert tidy_organisations() == {"tidied": 0}
