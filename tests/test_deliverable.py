"""Email addresses that mail cannot be sent to, at every door that takes a new one."""

from collections.abc import Callable
from typing import Any

import pytest
import tablib
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.mail.backends.locmem import EmailBackend
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from keystone.accounts.email_change import request_email_change
from keystone.accounts.importers import PeopleResource
from keystone.accounts.models import User
from keystone.accounts.registration import create_user, register_user
from keystone.actors.actor import Actor
from keystone.email_address import beginning, normalize, require_deliverable
from keystone.mail.backends import FolderBackend
from keystone.mail.models import MailState, OutgoingMail
from keystone.mail.outbox import Addressee, queue
from keystone.mail.outgoing import Mail, message_of
from keystone.server.first_administrator import UnfitAddress, ensure_first_administrator
from keystone.testing.factories import PASSWORD, UserFactory
from tests.mail.sending import deliver

ACCENTS = (
    "Mail cannot be sent to this address: only unaccented letters from a to z, digits and "
    "signs are possible before the @."
)
LONG_LOCAL = "The part of an email address before the @ has at most 64 characters."
INVALID = "Enter a valid email address."


class UTF8Backend(EmailBackend):
    """A backend that can send by SMTPUTF8."""

    supports_smtputf8 = True


def refusal(address: str) -> str:
    """What is said to an address; nothing where it is taken."""
    try:
        require_deliverable(address)
    except ValidationError as error:
        return " ".join(error.messages)
    return ""


def test_what_mail_cannot_be_sent_to_is_refused_with_a_sentence() -> None:
    for address, said in {
        "andré@example.com": ACCENTS,
        "andre\u0301@example.com": ACCENTS,
        "иван@example.com": ACCENTS,
        "李@example.com": ACCENTS,
        "ann\u0131@example.com": ACCENTS,
        f"{'a' * 65}@example.com": LONG_LOCAL,
        f"{'a' * 64}@example.com": "",
        f"{'é' * 33}@example.com": LONG_LOCAL,  # 66 bytes
        f"{'a' * 64}@{'b' * 60}.{'c' * 60}.{'d' * 60}.example.com": "An email address has at most 254 characters.",
        "a@" + ".".join(["bb"] * 90) + ".com": "Enter a valid email address.",
        "ann@bücher.example": "",
        "ann@xn--bcher-kva.example": "",
        '"ann"@example.com': INVALID,
        "ann@10.0.0.12": INVALID,
        "ann@[10.0.0.12]": INVALID,
        "ann@[IPv6:::1]": INVALID,
        "ann@intranet": INVALID,
        "o'neil+tag{1}@example.com": "",
    }.items():
        assert refusal(address) == said, address


def test_domains_that_are_never_on_the_internet_are_refused_on_servers(settings: Settings) -> None:
    refused = (
        "a@localhost",
        "a@LocalHost",
        "a@x.localhost",
        "a@printer.local",
        "a@x.invalid",
        "a@x.example",
        "a@x.onion",
        "a@localhost.localdomain",
    )
    for address in refused:
        assert refusal(address) == "", address
    for settings.ENVIRONMENT in ("staging", "production"):
        for address in refused:
            domain = address.rpartition("@")[2].lower()
            said = f"Mail cannot be sent to this address: “{domain}” is not a domain on the internet."
            assert refusal(address) == said, address
        for address in ("a@example.com", "a@localhost.example.com", "a@bücher.de", "a@x.test"):
            assert refusal(address) == "", address


@pytest.mark.django_db
@pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning")
def test_every_door_refuses_them(root: User, settings: Settings) -> None:
    settings.ENVIRONMENT = "production"
    by = Actor.administrator(root)
    ann = UserFactory(email="ann@example.org")
    admin, client, own = Client(), APIClient(), APIClient()
    admin.force_login(root)
    client.force_authenticate(root)
    own.force_authenticate(ann)
    names = {"first_name": "Ann", "last_name": "Bee"}

    def fields(response: Any) -> list[str]:
        assert response.status_code == 400, response.content
        return list(response.json()["error"]["fields"])

    def importing(address: str) -> None:
        rows = tablib.Dataset((address, "Ann"), headers=("email", "first_name"))
        PeopleResource().import_data(rows, raise_errors=True)

    verbs: tuple[Callable[[str], Any], ...] = (
        lambda address: register_user(email=address, password="a good long one"),
        lambda address: create_user(email=address, by=by),
        lambda address: User.objects.create_superuser(address, "a good long one", **names),
        lambda address: request_email_change(ann, email=address, current_password=PASSWORD),
        importing,
    )
    commands = (["user", "create", "--no-password", "--email"], ["email", "test"])
    for address in ("andré@example.org", f"{'a' * 65}@example.org", "ann@x.invalid", "ann@localhost"):
        body = {"email": address, **names}
        assert fields(APIClient().post("/api/auth/register/", {**body, "password": "a good long one"})) == ["email"]
        assert fields(client.post("/api/users/", body)) == ["email"]
        assert fields(own.post("/api/me/email/", {"email": address, "current_password": PASSWORD})) == ["email"]
        page = admin.post("/admin/keystone/user/add/", body)
        assert list(page.context["adminform"].form.errors) == ["email"]
        for verb in verbs:
            with pytest.raises(Exception, match=r"(?i)mail|before the @"):
                verb(address)
        for command in commands:
            with pytest.raises(CommandError, match=r"(?i)mail|before the @"):
                call_command(*command, address)
    assert User.objects.count() == 2
    assert not OutgoingMail.objects.exists()


@pytest.mark.django_db
def test_the_first_administrator_can_be_mailed(settings: Settings) -> None:
    settings.FIRST_SUPERUSER, settings.FIRST_SUPERUSER_PASSWORD = "andré@example.org", "correct horse 9 battery"
    with pytest.raises(UnfitAddress, match="FIRST_SUPERUSER: Mail cannot be sent to this address"):
        ensure_first_administrator()


@pytest.mark.django_db
def test_whoever_has_such_an_address_already_still_gets_in(settings: Settings) -> None:
    UserFactory(email="andré@example.org")
    settings.ENVIRONMENT = "production"
    login = {"email": "ANDRÉ@example.org", "password": PASSWORD}
    assert APIClient().post("/api/auth/login/", login).status_code == 200
    assert APIClient().post("/api/auth/password/reset/", {"email": "andré@example.org"}).status_code == 202


@pytest.mark.django_db
def test_a_backend_that_can_send_to_them_says_so(settings: Settings) -> None:
    settings.MAILERS = {"default": {"BACKEND": f"{__name__}.UTF8Backend"}}
    assert refusal("andré@example.org") == ""
    body = {"email": "andré@example.org", "first_name": "André", "password": "a good long one"}
    assert APIClient().post("/api/auth/register/", body).status_code == 202
    assert User.objects.filter(email="andré@example.org").exists()


@pytest.mark.django_db
def test_the_folder_refuses_what_smtp_refuses(settings: Settings, tmp_path: Any) -> None:
    settings.MAILERS = {"default": {"BACKEND": "keystone.mail.backends.FolderBackend", "OPTIONS": {"folder": tmp_path}}}
    [refused, sent] = queue("trial", [Addressee(recipient="andré@example.org"), Addressee(recipient="a@bücher.de")])
    deliver([refused, sent])
    rows = {row.pk: row for row in OutgoingMail.objects.all()}
    assert (rows[refused].state, rows[refused].last_error) == (
        MailState.FAILED,
        "Mail cannot be sent to this address.",
    )
    assert rows[sent].state == MailState.SENT
    [file] = tmp_path.iterdir()
    assert b"To: a@xn--bcher-kva.de\r\n" in file.read_bytes()
    backend = FolderBackend(alias="default", folder=tmp_path)
    for wrong in (
        EmailMessage("s", "b", "andré@example.org", ["a@example.org"]),
        EmailMessage("s", "b", "a@example.org", ["a@example.org"], bcc=["andré@example.org"]),
        EmailMessage("s", "b", "a@example.org", ["a@example.org"], cc=["b@example.org, c@example.org"]),
    ):
        with pytest.raises(ValueError, match="Invalid address"):
            backend.send_messages([wrong])
    assert len(list(tmp_path.iterdir())) == 1


def test_mail_goes_to_the_domain_that_the_account_is_known_by() -> None:
    """IDNA 2003, by which Django encodes, makes other domains of some."""
    for typed, mailed in {
        "Ann@straße.example": "Ann@xn--strae-oqa.example",
        "ann@βόλος.example": "ann@xn--nxasmm1c.example",
        "ann@bücher.example": "ann@xn--bcher-kva.example",
        "ann@\uff45xample.com": "ann@example.com",
        "ann@Example.com": "ann@Example.com",
        "nobody": "nobody",
    }.items():
        message = message_of(Mail("trial", to=typed), message_id="<1@example.com>")
        assert (message.to, message.message()["To"]) == ([mailed], mailed), typed
        assert mailed == "nobody" or mailed.lower() == normalize(typed)


def test_beginning_gives_what_normalized_addresses_begin_with() -> None:
    for typed, normalized in {
        " Ann": "ann",
        "André": "andré",
        "Andre\u0301@": "andré@",
        "STRASSE@Example.CO": "strasse@example.co",
        "Straße@": "straße@",
        "ann@BÜCHER.example": "ann@xn--bcher-kva.example",
        "": "",
    }.items():
        assert beginning(typed) == normalized, typed
