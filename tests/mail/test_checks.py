"""The check of the mails' templates."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core import checks
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from keystone.mail.checks import find_unsendable_mails
from keystone.mail.outgoing import Mail
from keystone.mail.registry import EMAILS, email
from keystone.testing.factories import superuser
from tests.approval.admin_pages import browser

PARTS = {"subject": "Ours", "preheader": "", "text": "Words.", "body": "<mj-text>Words.</mj-text>", "why": "Why."}
Making = Callable[..., AbstractContextManager[list[checks.CheckMessage]]]


@pytest.fixture
def made(settings: Settings, tmp_path: Path) -> Making:
    """Registers a mail of the project, with these partials, and says what the check finds."""
    folder = tmp_path / "keystone" / "emails"
    folder.mkdir(parents=True)
    settings.TEMPLATES = [{**django_settings.TEMPLATES[0], "DIRS": [str(tmp_path)]}]

    @contextmanager
    def make(parts: dict[str, str] | None) -> Iterator[list[checks.CheckMessage]]:
        if parts is not None:
            source = "".join(f"{{% partialdef {key} %}}{text}{{% endpartialdef %}}" for key, text in parts.items())
            (folder / "ours.mjml").write_text(source)
        try:

            @email(label="Ours", sample={"left": "seven"})
            def ours(user: object) -> Mail:
                raise NotImplementedError

            yield find_unsendable_mails(app_configs=None)
        finally:
            EMAILS.pop("ours")

    return make


@pytest.mark.django_db
def test_all_mails_are_in_order_and_no_database_is_asked() -> None:
    with CaptureQueriesContext(connection) as queries:
        assert find_unsendable_mails(app_configs=None) == []
    assert len(queries) == 0


def test_the_check_runs_with_the_others(made: Making) -> None:
    with made(None):
        assert "keystone.E010" in [message.id for message in checks.run_checks(tags=[checks.Tags.templates])]


def test_a_complete_mail_is_no_fault(made: Making) -> None:
    with made(PARTS) as found:
        assert found == []


@pytest.mark.parametrize(
    ("parts", "number", "said"),
    [
        (None, "E010", "The mail 'ours' has no template."),
        ({"subject": "Ours", "text": "Words."}, "E010", "The mail 'ours' lacks the partials preheader, body, why."),
        (
            PARTS | {"body": "<mj-text>"},
            "E011",
            "The mail 'ours' cannot be rendered with its sample data: ValueError: unexpected end of stream",
        ),
        (
            PARTS | {"text": "{% load no_such_library %}"},
            "E011",
            "The mail 'ours' cannot be rendered with its sample data: TemplateSyntaxError: ",
        ),
        (PARTS | {"text": "{% include 'no/such' %}"}, "E011", "The mail 'ours' cannot be rendered with its sample"),
        (PARTS | {"subject": " "}, "E012", "The mail 'ours' has no subject or no text."),
        (PARTS | {"text": "{% if nothing %}Words{% endif %}\n"}, "E012", "The mail 'ours' has no subject or no text."),
    ],
)
def test_a_mail_that_cannot_be_sent_is_found(
    made: Making, parts: dict[str, str] | None, number: str, said: str
) -> None:
    with made(parts) as found:
        [error] = found
    assert (error.id, error.level) == (f"keystone.{number}", checks.ERROR)
    assert error.msg.startswith(said)
    assert error.hint is not None


@pytest.mark.django_db
def test_the_admin_shows_what_is_wrong_with_a_template(made: Making) -> None:
    client = browser(superuser())
    with made(PARTS | {"text": "{% include 'no/such' %}"}):
        assert "Cannot be shown" in client.get("/admin/keystone/outgoingmail/templates/").content.decode()
        page = client.get("/admin/keystone/outgoingmail/templates/ours/").content.decode()
    assert "TemplateDoesNotExist: no/such" in page
    assert "<iframe" not in page
    assert "Send a test" not in page
