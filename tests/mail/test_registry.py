"""The registry: each mail has one function."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from keystone.mail import registry
from keystone.mail.outgoing import Mail
from keystone.mail.registry import EMAILS, email

pytestmark = pytest.mark.usefixtures("probe")


def test_a_function_is_registered_by_its_name_and_stays_a_function() -> None:
    @email(label="Greeting", sample={"name": "Ada"}, needs_person=False)
    def greeting(user: object) -> Mail:
        return Mail("greeting", to=str(user))

    kind = registry.get("greeting")
    assert (kind.name, kind.label, kind.sample) == ("greeting", "Greeting", {"name": "Ada"})
    assert kind("a") == greeting("a") == Mail("greeting", to="a")


def test_a_mail_about_a_person_is_not_made_without_one() -> None:
    @email(label="Greeting", sample={})
    def greeting(user: object) -> Mail:
        return Mail("greeting", to=str(user))

    assert registry.get("greeting")(None) is None


def test_two_functions_of_one_name_stop_the_start() -> None:
    def approved(user: object) -> Mail:
        return Mail("approved", to=str(user))

    with pytest.raises(ImproperlyConfigured, match="both register a mail 'approved'"):
        email(label="Approved", sample={})(approved)
    assert EMAILS["approved"].build.__module__ == "keystone.accounts.emails.decisions"


def test_every_app_s_mails_are_found() -> None:
    assert {"approved", "verify_email", "trial", "organisation_changed"} <= EMAILS.keys()
