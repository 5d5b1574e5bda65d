from collections.abc import Callable

import pytest
from django.core.mail import EmailMessage
from pytest_django import DjangoCaptureOnCommitCallbacks
from rest_framework.test import APIClient

from keystone.accounts.models import User
from keystone.mail.models import OutgoingMail
from keystone.testing.factories import UserFactory
from project.emails import organisation_changed
from project.models import Profile

pytestmark = pytest.mark.django_db


def test_a_change_of_the_organisation_is_mailed_once(
    signed_in: Callable[[User], APIClient],
    mailoutbox: list[EmailMessage],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    user = UserFactory(email="ada@example.com", first_name="Ada")
    client = signed_in(user)
    for organisation in ("A & B", "A & B", ""):
        with django_capture_on_commit_callbacks(execute=True):
            assert client.patch("/api/profile/", {"organisation": organisation}).status_code == 200
    [mail] = mailoutbox
    assert (mail.to, mail.subject) == (["ada@example.com"], "Your organisation was changed")
    assert str(mail.body).startswith("Hello Ada,\n\nThe organisation in your profile with Keystone is now:\n\nA & B\n")
    assert "<strong>A &amp; B</strong>" in str(mail.alternatives[0][0])  # type: ignore[attr-defined]  # it has HTML
    assert OutgoingMail.objects.filter(template="organisation_changed").count() == 2


def test_a_change_that_was_taken_back_is_not_mailed() -> None:
    user = UserFactory()
    assert organisation_changed(user) is None
    profile = Profile.objects.create(user=user)
    assert organisation_changed(user) is None
    profile.organisation = "ACME"
    profile.save()
    assert organisation_changed(user) is not None
    user.email_verified_at = None  # somebody else may own the email address
    assert organisation_changed(user) is None
