"""An erasure reaches what runs hold."""

import pytest

from keystone.accounts.models import User
from keystone.actors.actor import Actor
from keystone.data.models import DataRun, Kind, State
from keystone.privacy.erasing import erase_person
from keystone.testing.factories import UserFactory


@pytest.mark.django_db
def test_an_erasure_takes_the_persons_address_from_runs() -> None:
    user: User = UserFactory(email="Gone@example.com")
    values = {"kind": Kind.IMPORTER, "name": "people", "state": State.FAILED}
    named = DataRun.objects.create(
        by="gone@example.com",
        error="Key (email)=(GONE@example.com) already exists.",
        refused_file="/home/gone@example.com/a.csv",
        options={"file": "/home/Gone@example.com/a.csv"},
        **values,
    )
    other = DataRun.objects.create(by="root", error="Disk full", options={"file": "/tmp/a.csv"}, **values)  # noqa: S108 - only a name
    erased = erase_person(user, by=Actor.cli())
    named.refresh_from_db()
    assert (named.by, named.error, named.refused_file, named.options) == (erased.email, "…", "…", {})
    other.refresh_from_db()
    assert (other.by, other.error, other.options) == ("root", "Disk full", {"file": "/tmp/a.csv"})  # noqa: S108 - a name, and no file
