"""Tests of the example's personal data: it is exported and erased with the person."""

import json
from zipfile import ZipFile

import pytest

from keystone.actors.actor import Actor
from keystone.privacy.checks import check_personal_data
from keystone.privacy.erasing import erase_person
from keystone.privacy.exporting import export_person
from keystone.testing.factories import UserFactory
from project.models import Profile

pytestmark = pytest.mark.django_db


def test_the_profile_is_in_the_export() -> None:
    user, other = UserFactory(), UserFactory()
    Profile.objects.create(user=user, organisation="ACME")
    Profile.objects.create(user=other, organisation="Initech")
    with export_person(user, by=Actor.cli()) as file, ZipFile(file) as archive:
        [profile] = json.loads(archive.read("profile.json"))
    assert profile["organisation"] == "ACME"


def test_the_profile_is_erased_with_its_person() -> None:
    user, other = UserFactory(), UserFactory()
    Profile.objects.create(user=user, organisation="ACME")
    kept = Profile.objects.create(user=other, organisation="Initech")
    erase_person(user, by=Actor.cli())
    assert list(Profile.objects.all()) == [kept]


def test_no_model_of_yours_is_forgotten() -> None:
    assert check_personal_data() == []
