import pytest
from django.core.exceptions import ValidationError

from keystone.email_address import as_typed, normalize


@pytest.mark.parametrize(
    ("typed", "normalized"),
    [
        ("ann@example.com", "ann@example.com"),
        (" Ann@Example.COM ", "ann@example.com"),
        ("ann+news@example.com", "ann+news@example.com"),
        ("straße@example.com", "straße@example.com"),  # another mailbox than strasse@
        ("STRAẞE@example.com", "straße@example.com"),
        ("strasse@example.com", "strasse@example.com"),
        ("ΟΔΟΣ@example.com", "οδος@example.com"),
        ("İsmail@example.com", "i\u0307smail@example.com"),
        ("ıspanak@example.com", "ıspanak@example.com"),  # noqa: RUF001 - it is the look-alike that is meant
        ("jose\u0301@example.com", "josé@example.com"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("ann@BÜCHER.example", "ann@xn--bcher-kva.example"),
        ("ann@straße.example", "ann@xn--strae-oqa.example"),  # another domain than strasse.example
        ("ann@strasse.example", "ann@strasse.example"),
        ("ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example"),
        ("δοκιμή@παράδειγμα.example", "δοκιμή@xn--hxajbheg2az3al.example"),
    ],
)
def test_normalize_gives_every_spelling_one_form(typed: str, normalized: str) -> None:
    assert normalize(typed) == normalized
    assert normalize(normalized) == normalized


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ann",
        "@example.com",
        "ann@",
        "ann@@example.com",
        "ann bee@example.com",
        "ann@exam ple.com",
        "ann\x00@example.com",
        "ann\n@example.com",
        "ann\u200b@example.com",
        "ann@-example.com",
        "ann@example..com",
        "a" * 250 + "@example.com",
        "\ud800@example.com",
        "ann\uff20example.com",  # a full-width @
        "\uff41nn@example.com",  # a full-width a
        "=?utf-8?q?bob=40evil.example?=@example.com",
        '"ann bee"@example.com',
    ],
)
def test_normalize_refuses_what_is_no_address(typed: str) -> None:
    with pytest.raises(ValidationError):
        normalize(typed)


def test_as_typed_keeps_case_and_composes() -> None:
    assert as_typed(" Jose\u0301@Example.com ") == "José@Example.com"
