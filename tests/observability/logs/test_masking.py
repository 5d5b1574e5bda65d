"""What is masked in texts and structures, and that nothing else is."""

import json
import secrets
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from pytest_django import Settings

from keystone.accounts.tokens import TOKEN_BYTES
from keystone.observability.logs.masking import TOKEN_LENGTH, masked, masked_data, remember
from keystone.sessions import tokens
from keystone.testing.factories import UserFactory
from keystone.two_factor.recovery_codes import make_recovery_codes

PAGES = ["verify-email", "reset-password", "confirm-email", "revert-email", "accept-invitation"]


@pytest.mark.parametrize("page", PAGES)
def test_a_token_is_masked_wherever_its_path_stands(page: str) -> None:
    for _ in range(50):  # with dashes and underscores at any place
        token = secrets.token_urlsafe(TOKEN_BYTES)
        assert masked(f"Not Found: /{page}/{token}/") == f"Not Found: /{page}/…/"
        assert masked(f"https://a.example/{page}/{token}?x=1") == f"https://a.example/{page}/…?x=1"
        inside = f"/admin/login/?next={quote(f'/{page}/{token}/', safe='')}"
        assert masked(inside) == f"/admin/login/?next=%2F{page}%2F…%2F"
        assert masked(f"/{page}/{token}/ /{page}/{token}/") == f"/{page}/…/ /{page}/…/"


@pytest.mark.parametrize("text", ["/verify-email/", "/verify-email/sent/", "/api/users/" + "a" * 40 + "/", ""])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert masked(text) == text


CANARY = 'Can4ry, it\'s \\ "quoted" [here] & there'


@pytest.mark.parametrize("name", ["password", "new_password2", "refresh", "otp", "csrfmiddlewaretoken", "SECRET_KEY"])
def test_a_value_is_masked_in_every_spelling_of_its_name(name: str) -> None:
    other = {"email": "a@b.example", name: CANARY, "n": 1}
    for text in (
        repr(other),
        json.dumps(other),
        json.dumps(json.dumps(other)),
        repr(json.dumps(other)),
        f"{[other]!r}",
    ):
        shown = masked(text)
        assert "Can4ry" not in shown
        assert "here" not in shown
        assert "there" not in shown
        assert "a@b.example" in shown
    assert masked(f"/x/?{name}={quote(CANARY)}&page=2") == f"/x/?{name}=…&page=2"
    assert masked(f"{name}=it's,done) and so on") == f"{name}=… and so on"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Authorization: Bearer abc def\nHost: x", "Authorization: …\nHost: x"),
        ("Set-Cookie: sessionid=abc; Path=/\nHost: x", "Set-Cookie: …\nHost: x"),
        ("{'HTTP_COOKIE': 'a=b; c=d', 'x': 1}", "{'HTTP_COOKIE': '…', 'x': 1}"),
        ("[(b'cookie', b'a=b'), ('x', 'y')]", "[(b'cookie', b'…'), ('x', 'y')]"),
        ("<QueryDict: {'password': ['a]b', 'c'], 'email': ['x']}>", "<QueryDict: {'password': …, 'email': ['x']}>"),
        ("Key (token)=(abc) already exists.", "Key (token)=… already exists."),
        ("data['password'] = 'x' + 1", "data['password'] = '…' + 1"),
        ('password="never closed\nnext', 'password="…\nnext'),
        ('password="two\nlines"', 'password="…\nlines"'),
        ("password=[never, closed\nnext", "password=…\nnext"),
        ("password={'a': (1, \"]\")} x", "password=… x"),
        ("token: Bearer abc, x", "token: … x"),
        ("Bearer abcdefghijklmnopqrst", "Bearer …"),
        ("AUTH PLAIN AHVzZXIAaHVudGVyMi1ob3JzZQ==", "AUTH PLAIN …"),
        ("?q=%7B%22password%22%3A%20%22hun%2Bter%22%2C%22a%22", "?q=%7B%22password%22%3A%20%22…%22%2C%22a%22"),
        (
            "{&quot;password&quot;: &quot;hunter2&quot;, &quot;a&quot;",
            "{&quot;password&quot;: &quot;…&quot;, &quot;a&quot;",
        ),
        ("%22password%22%3A%22hun%5C%22ter%22", "%22password%22%3A%22…%22"),
        ("password=%22hun%22ter&page=2", "password=…&page=2"),
        ("postgresql://user:p@ss@host/name?x=a@b", "postgresql://…@host/name?x=a@b"),
        ("https://0123456789abcdef@o1.example/7", "https://…@o1.example/7"),
        ("{'code': '123456'}", "{'code': '…'}"),
        ("code=7kq2 m9xa 4t0c p8dz", "code=…"),
        ("7KQ2-M9XA-4T0C-P8DZ,", "…,"),
        ("a session 4h8z0q1w2e3r4t5y6u7i8o9p0a1s2d3f ended", "a session … ended"),
    ],
)
def test_secrets_are_masked(text: str, shown: str) -> None:
    assert masked(text) == shown
    assert masked(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "Forbidden (CSRF cookie not set.): /admin/",
        "fields = ['email', 'password', 'first_name']",
        "status_code=404 code: 'invalid_credentials' {'code': 'pending_admin_approval'}",
        '\'password\': None, password_needed: false, "token": ""',
        "access_ends_at=2026-01-01 accessible: yes refreshed=3",
        "The password is too short. See secret santa; the token expired.",
        f"{uuid.UUID(int=7**40)} {uuid.UUID(int=7**40).hex} {'0123456789abcdef' * 4}",
        "test_a_name_of_any_length_that_has_neither_case_nor_figures",
        "http://localhost:8000/api/users/?search=a@b.example",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert masked(text) == text


@pytest.mark.django_db(transaction=False)
def test_what_we_issue_is_masked_where_nothing_announces_it() -> None:
    user = UserFactory()
    now = datetime.now(UTC)
    pair = [
        tokens.encode(
            kind,
            session_id=uuid.uuid4(),
            user_id=user.pk,
            version=1,
            token_id="x",
            expires_at=now + timedelta(1),
            now=now,
        )
        for kind in (tokens.AccessToken, tokens.RefreshToken)
    ]
    for secret in [*pair, *make_recovery_codes(user), *(secrets.token_urlsafe(TOKEN_BYTES) for _ in range(200))]:
        assert masked(f"so {secret} it is") == "so … it is"
    begins_in_the_middle = "PxR3y" + "eyJ" + "aB4-_" * 7  # a random token may contain the beginning of a JWT
    assert len(begins_in_the_middle) == TOKEN_LENGTH
    assert masked(f"so {begins_in_the_middle} it is") == "so … it is"
    assert masked(f"cut {pair[0][:60]}") == "cut …"


def test_what_the_settings_hold_is_masked_anywhere(settings: Settings) -> None:
    assert masked(f"the key {settings.SECRET_KEY}!") == "the key …!"
    remember(["correct horse battery", "correct horse battery staple", "too short"])
    try:
        assert masked("a correct horse battery staple, too short") == "a …, too short"
        remember([])
        assert masked("a correct horse battery") == "a correct horse battery"
    finally:
        remember([settings.SECRET_KEY])


def test_a_structure_is_masked_by_its_names_and_in_its_texts() -> None:
    class Strange:
        def __str__(self) -> str:
            raise ValueError

    given = {
        "password": CANARY,
        "accessToken": ["x"],
        "password_needed": False,
        "token": None,
        "refresh": "",
        "access_ends_at": "2026-01-01",
        "nested": [{"note": "password=x", "otp": 123456}, ("Cookie", "a=b"), ["email", "x"]],
        "code": "123456",
        "error": {"code": "invalid_token"},
        b"bytes": b"token=x",
        "number": 1.5,
        "when": datetime(2026, 1, 1, tzinfo=UTC),
        "strange": Strange(),
        "/verify-email/" + "a" * 43: 1,
    }
    before = repr(given)
    assert masked_data(given) == {
        "password": "…",
        "accessToken": "…",
        "password_needed": False,
        "token": None,
        "refresh": "",
        "access_ends_at": "2026-01-01",
        "nested": [{"note": "password=…", "otp": "…"}, ["Cookie", "…"], ["email", "x"]],
        "code": "…",
        "error": {"code": "invalid_token"},
        "bytes": "token=…",
        "number": 1.5,
        "when": "2026-01-01 00:00:00+00:00",
        "strange": "<Strange>",
        "/verify-email/…": 1,
    }
    assert repr(given)[:400] == before[:400]


def test_a_structure_is_masked_to_a_depth() -> None:
    deep: Any = "x"
    for _ in range(100_000):
        deep = [deep]
    assert masked_data(deep, depth=3) == [[["…"]]]
    assert "x" not in repr(masked_data(deep))


@pytest.mark.parametrize(
    "part",
    [
        *("a", "a.", "token", "password='", 'password="\n', "password=", "password=[", "password=['", "eyJ", "://"),
        *("://a@", "code:", "\\", "password\\\\'", '("token",', "abcd-", "bearer ", "access ", "[\"'", "a-1B"),
        *("token%22:%22", "token&quot;", "token%20", "auth plain "),
    ],
)
def test_no_text_makes_the_masking_hang(part: str) -> None:
    # A pattern that looks at a sign again and again would take hours for this, and not some hundredths of a second.
    text = (part * 300_000)[:300_000]
    assert masked(masked(text)) == masked(text)
