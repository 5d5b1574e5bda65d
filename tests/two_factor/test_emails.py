"""What the two mails say; what every mail must is in `tests/mail/test_rendering.py`."""

import pytest

from keystone.mail.registry import EMAILS
from keystone.mail.rendering import render
from keystone.testing.factories import UserFactory

pytestmark = pytest.mark.django_db
WHEN = "2026-12-24T18:30:00+00:00"


def text_of(name: str, **context: str) -> str:
    mail = EMAILS[name](UserFactory(), **context)
    assert mail is not None
    return " ".join(render(mail.template, mail.context).text.split())


@pytest.mark.parametrize("name", ["second_factor_set_up", "second_factor_removed"])
def test_they_say_when_and_from_where_as_far_as_it_is_known(name: str) -> None:
    moment = "This happened on 24 December 2026, 18:30 UTC"
    assert f"{moment}, from the IP address 2001:db8::1." in text_of(name, at=WHEN, ip_address="2001:db8::1")
    assert f"{moment}." in text_of(name, at=WHEN)
    assert "This happened" not in text_of(name)


def test_the_one_who_did_it_is_named() -> None:
    assert "You removed two-factor sign-in" in text_of("second_factor_removed", own="yes")
    assert "An administrator removed two-factor sign-in" in text_of("second_factor_removed")
