"""What a name may hold, and what it may not."""

import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
import tablib
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.test import Client
from rest_framework.test import APIClient

from keystone.accounts.editing import change_names
from keystone.accounts.importers import PeopleResource
from keystone.accounts.models import User
from keystone.accounts.names import validate_name
from keystone.accounts.registration import create_user, register_user
from keystone.accounts.widgets import GroupsWidget
from keystone.actors.actor import Actor
from keystone.audit.models import AuditEvent
from keystone.testing.factories import UserFactory

# Bidi_Control of Unicode (UAX 9, section 2).
BIDI_CONTROL = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Ann",
        "Maria-Luise O'Connor",
        "van der Berg, jr.",
        "J.R.R. Tolkien",
        "Ngũgĩ wa Thiong\u2019o",
        "Nguye\u0302\u0303n",  # with its marks apart
        "محمد علی",
        "می\u200cخواهم",  # noqa: RUF001 - Persian: the letters stay apart
        "श\u094d\u200dरी",  # Hindi: the letters join
        "ක\u0dca\u200dරි",  # Sinhala
        "דוד בן־גוריון",
        "山田\u3000太郎",  # with the ideographic space
        "葛\U000e0100城",  # the shape of an ideograph, chosen
        "\U0002a6a5",
        "\U00031350\u4e00",
        "\U0003134c",  # the plane of ideographs, whether or not this Python knows it
        "김민준",
        "Ѹжищев",
        "René\u00a0Descartes",
        "Ann 🙂",
    ],
)
def test_names_of_people_are_taken(name: str) -> None:
    validate_name(name)


def test_names_are_taken_composed_and_decomposed() -> None:
    for form in ("NFC", "NFD"):
        validate_name(unicodedata.normalize(form, "Ångström Żółć Đặng"))


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Ann\nBcc: eve@example.com", "control_character"),
        ("Ann\r", "control_character"),
        ("Ann\x00", "control_character"),
        ("Ann\x7f", "control_character"),
        ("Ann\x85", "control_character"),
        ("Ann\u2028x", "control_character"),
        ("Ann\u2029x", "control_character"),
        ("Ann\ud800", "control_character"),
        *((f"Ann{sign}nnA", "invisible_character") for sign in BIDI_CONTROL),
        ("A\u00adnn", "invisible_character"),  # soft hyphen
        ("A\u200bnn", "invisible_character"),  # zero width space
        ("A\u2060nn", "invisible_character"),  # word joiner
        ("\ufeffAnn", "invisible_character"),  # byte order mark
        ("A\u206ann", "invisible_character"),
        ("A\ufff9nn", "invisible_character"),
        ("A\u034fnn", "invisible_character"),
        ("\u115f\u1160", "invisible_character"),
        ("\u3164", "invisible_character"),
        ("\uffa0", "invisible_character"),
        ("\u2800", "invisible_character"),
        ("A\u180enn", "invisible_character"),
        ("A\u17b4nn", "invisible_character"),
        ("Ann\U000e0041\U000e0064", "invisible_character"),  # tags: ASCII that nobody sees
        ("\u200d", "invisible_character"),
        ("Ann\u200d", "invisible_character"),
        ("\u200cAnn", "invisible_character"),
        ("A\u200d\u200dnn", "invisible_character"),
        ("Ann\u200d 1", "invisible_character"),
        ("A\ufe0f\ufe0fnn", "invisible_character"),  # a row of selectors can carry a message
        (" \U000e0101", "invisible_character"),
        ("Ann\ue000", "invisible_character"),  # private use
        ("Ann\U0010fffd", "invisible_character"),
        ("Ann\ufdd0", "invisible_character"),  # no characters
        ("Ann\U0002ffff", "invisible_character"),
        ("Ann\u0378", "invisible_character"),  # not assigned
        ("Win at https://evil.example", "web_address"),
        ("www.evil.example", "web_address"),
        ("evil.com", "web_address"),
        ("EVIL.COM now", "web_address"),
        ("evil．com", "web_address"),  # noqa: RUF001 - full width is meant
        ("evil\u3002com", "web_address"),
        ("evil\uff61com", "web_address"),
        ("ｅｖｉｌ.ｃｏｍ", "web_address"),  # noqa: RUF001 - full width is meant
        ("http\uff1a\uff0f\uff0fevil", "web_address"),
    ],
)
def test_what_is_no_part_of_a_name_is_refused(name: str, code: str) -> None:
    with pytest.raises(ValidationError) as caught:
        validate_name(name)
    assert caught.value.code == code


def test_every_format_character_but_the_joiners_is_refused() -> None:
    for number in range(0xE0200):  # there is none above
        sign = chr(number)
        if unicodedata.category(sign) == "Cf" and sign not in "\u200c\u200d":
            with pytest.raises(ValidationError):
                validate_name(f"A{sign}b")


@pytest.mark.django_db
@pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning")
def test_names_are_stored_composed_at_every_door(root: User) -> None:
    typed, stored = "Jose\u0301", "José"
    by = Actor.administrator(root)
    browser = Client()
    browser.force_login(root)
    client = APIClient()
    client.force_authenticate(root)

    def post(url: str, **body: Any) -> None:
        response = browser.post(url, body)
        assert response.status_code == 302, response.content

    def importing() -> None:
        rows = tablib.Dataset(("a3@example.com", typed, typed), headers=("email", "first_name", "last_name"))
        result = PeopleResource().import_data(rows, raise_errors=True)
        assert result.totals["new"] == 1

    names: dict[str, Any] = {"first_name": typed, "last_name": typed}
    doors: tuple[Callable[[], Any], ...] = (
        lambda: register_user(email="a1@example.com", password="a good long one", **names),
        lambda: create_user(email="a2@example.com", by=by, **names),
        importing,
        lambda: post("/admin/keystone/user/add/", email="a4@example.com", **names),
        lambda: client.post("/api/users/", {"email": "a5@example.com", **names}, format="json"),
        lambda: User.objects.bulk_create([UserFactory.build(email_normalized="a6@example.com", **names)]),
        lambda: call_command("user", "create", "--email=a7@example.com", f"--first-name={typed}", "--no-password"),
    )
    for number, door in enumerate(doors, start=1):
        known = set(User.objects.values_list("pk", flat=True))
        door()
        made = User.objects.exclude(pk__in=known).get()
        assert made.first_name == stored, number
        assert made.last_name in {stored, ""}, number
    user = UserFactory(first_name="Ann", last_name="Bee")
    changes: tuple[Callable[[], Any], ...] = (
        lambda: change_names(user, by=by, **names),
        lambda: client.patch(f"/api/users/{user.pk}/", names, format="json"),
        lambda: post(f"/admin/keystone/user/{user.pk}/change/", **names),
        lambda: User.objects.filter(pk=user.pk).update(**names),
    )
    for change in changes:
        User.objects.filter(pk=user.pk).update(first_name="Ann", last_name="Bee")
        user.refresh_from_db()
        change()
        fresh = User.objects.get(pk=user.pk)
        assert (fresh.first_name, fresh.last_name) == (stored, stored)
    told = AuditEvent.objects.filter(action="user.changed").latest("pk").changes["first_name"]
    assert told == ["Ann", stored]
    before = AuditEvent.objects.count()
    change_names(user, by=by, **names)  # the same name in another form is no change
    assert AuditEvent.objects.count() == before


@pytest.mark.django_db
def test_names_that_hide_something_are_refused_at_every_door(root: User) -> None:
    by = Actor.administrator(root)
    browser = Client()
    browser.force_login(root)
    client = APIClient()
    client.force_authenticate(root)
    user = UserFactory(first_name="Ann", last_name="Bee")
    for name in ("Ann\u202egpj.", "A\u200bnn", "Ann\u2066", "www.example.com", "Ann\x07"):
        names = {"first_name": name, "last_name": "Bee"}
        for page in ("/admin/keystone/user/add/", f"/admin/keystone/user/{user.pk}/change/"):
            shown = browser.post(page, {"email": "new@example.com", **names})
            assert list(shown.context["adminform"].form.errors) == ["first_name"], ascii(name)
        for response in (
            client.patch(f"/api/users/{user.pk}/", names, format="json"),
            client.post("/api/users/", {"email": "new@example.com", **names}, format="json"),
        ):
            assert (response.status_code, list(response.json()["error"]["fields"])) == (400, ["first_name"]), ascii(
                name
            )
        with pytest.raises(ValidationError):
            change_names(user, by=by, first_name=name)
        with pytest.raises(ValidationError):
            register_user(email="new@example.com", password="a good long one", first_name=name)
    assert User.objects.get(pk=user.pk).first_name == "Ann"
    assert not User.objects.filter(email="new@example.com").exists()


@pytest.mark.django_db
def test_groups_are_found_however_their_names_are_typed(root: User) -> None:
    composed, apart = "München", "Mu\u0308nchen"
    browser = Client()
    browser.force_login(root)
    assert browser.post("/admin/auth/group/add/", {"name": apart}).status_code == 302
    group = Group.objects.get(name=composed)
    assert browser.post("/admin/auth/group/add/", {"name": apart}).status_code == 200  # there is one of this name
    for text in (composed, apart):
        assert list(browser.get("/admin/auth/group/", {"q": text}).context["cl"].result_list) == [group]
        assert GroupsWidget().clean(text) == [group]
