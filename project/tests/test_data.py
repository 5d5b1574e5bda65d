"""Tests of the example importer, seeder, script and pipeline, run as by `manage.py data`."""

from pathlib import Path

import pytest

from keystone.accounts.models import User
from keystone.actors.actor import Actor
from keystone.data.declarations import Existing
from keystone.data.importing import run_import
from keystone.data.models import State
from keystone.data.outcomes import ImportOptions, ImportResult, RowsRefused
from keystone.data.pipelines import run_pipeline
from keystone.data.scripting import run_script
from keystone.data.seeding import run_seeder
from keystone.testing.factories import UserFactory
from project.models import Profile
from project.scripts import NoOutput

pytestmark = pytest.mark.django_db
BY = Actor.cli()


def imported(path: Path, text: str, existing: Existing | None = None) -> ImportResult:
    path.write_text(text)
    return run_import("organisations", ImportOptions(file=path, existing=existing), by=BY)


def test_organisations_are_imported_by_the_addresses_of_people(tmp_path: Path) -> None:
    ada, bob = UserFactory(email="Ada@example.com"), UserFactory(email="bob@example.com")
    Profile.objects.create(user=bob, organisation="Initech")
    outcome = imported(tmp_path / "list.csv", "E-Mail;Company\nADA@example.com;ACME\nbob@example.com;Hooli\n")
    assert (outcome.counts.written, outcome.created) == (2, 1)
    assert [Profile.objects.get(user=user).organisation for user in (ada, bob)] == ["ACME", "Hooli"]
    assert list(User.objects.order_by("email").values_list("email", flat=True)) == ["Ada@example.com", bob.email]


def test_organisations_of_people_who_are_not_there_are_refused(tmp_path: Path) -> None:
    UserFactory(email="ada@example.com")
    with pytest.raises(RowsRefused) as raised:
        imported(tmp_path / "list.csv", "email,organisation\nada@example.com,ACME\neve@example.com,ACME\nnone,ACME\n")
    assert [refused.reason for refused in raised.value.imported.refusals] == [
        "Nobody has the address eve@example.com.",
        "Enter a valid email address.",
    ]
    assert not Profile.objects.exists()


def test_profiles_are_made_for_people_who_have_none() -> None:
    users = UserFactory.create_batch(3)
    Profile.objects.create(user=users[0], organisation="ACME")
    assert [run_seeder("profiles", count=count, by=BY).rows_written for count in (1, 5)] == [1, 1]
    assert Profile.objects.exclude(organisation="").count() == 3


def test_organisations_are_written_with_their_number_of_people(tmp_path: Path) -> None:
    for organisation in ("ACME", "ACME", "=Bad & Co", ""):
        Profile.objects.create(user=UserFactory(), organisation=organisation)
    file = tmp_path / "organisations.csv"
    assert run_script("organisations", output=file, by=BY).rows_written == 2
    assert file.read_bytes() == b"organisation,people\r\nACME,2\r\n'=Bad & Co,1\r\n"


def test_organisations_are_not_written_nowhere() -> None:
    with pytest.raises(NoOutput, match=r"--output FILE\.csv"):
        run_script("organisations", by=BY)


def test_the_pipeline_makes_people_in_groups_and_with_profiles() -> None:
    run = run_pipeline("sample", by=BY)
    assert (run.state, run.rows_written) == (State.SUCCEEDED, 95)
    steps = list(run.steps.order_by("pk").values_list("step", "rows_written"))
    assert steps == [("groups", 5), ("people", 50), ("profiles", 40)]
    assert User.objects.count() == 50
    assert Profile.objects.count() == 40
