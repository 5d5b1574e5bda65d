"""`manage.py user reset-otp`: for whoever has lost everything."""

import pytest
from django.core import mail
from django.core.management import CommandError, call_command

from keystone.audit.models import AuditEvent
from keystone.testing.factories import UserFactory, superuser
from keystone.two_factor import enrolment
from keystone.two_factor.models import Authenticator
from keystone.two_factor.verification import has_second_factor
from tests.two_factor.phone import set_up

pytestmark = [
    pytest.mark.django_db,
    # django-typer hands typer an option of its own that typer would rather call otherwise.
    pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning"),
]


def test_it_removes_the_second_factor_of_anybody(
    capsys: pytest.CaptureFixture[str], django_capture_on_commit_callbacks: object
) -> None:
    root = superuser(email="root@example.com")
    set_up(root)
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]  # pytest-django's fixture
        call_command("user", "reset-otp", " ROOT@example.com ")
    assert has_second_factor(root) is False
    event = AuditEvent.objects.get(action="user.second_factor_removed")
    assert (event.actor_kind, event.actor_id, event.target_id) == ("cli", None, str(root.pk))
    assert capsys.readouterr().out == (
        "root@example.com now signs in with the password only. The person is notified by email.\n"
    )
    assert [sent.subject for sent in mail.outbox] == ["Two-factor sign-in is on", "Two-factor sign-in is off"]


@pytest.mark.parametrize("address", ["nobody@example.com", "no address", ""])
def test_an_unknown_person_is_refused_in_a_line(address: str) -> None:
    with pytest.raises(CommandError, match=r"^There is no such person\.$"):
        call_command("user", "reset-otp", address)


def test_a_set_up_that_was_not_finished_is_ended(capsys: pytest.CaptureFixture[str]) -> None:
    enrolment.begin(UserFactory(email="ann@example.com"))
    call_command("user", "reset-otp", "ann@example.com")
    assert capsys.readouterr().out == "ann@example.com had an unfinished set-up, which has been cancelled.\n"
    assert not Authenticator.objects.exists()
    assert AuditEvent.objects.get().action == "user.second_factor_set_up_ended"


def test_a_person_without_one_is_refused_in_a_line() -> None:
    UserFactory(email="ann@example.com")
    with pytest.raises(CommandError, match=r"^This person has not set up two-factor sign-in\.$"):
        call_command("user", "reset-otp", "ann@example.com")
