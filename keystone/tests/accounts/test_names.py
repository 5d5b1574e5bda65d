"""What a name may hold, and what it may not."""

import unicodedata

import pytest
from django.core.exceptions import ValidationError

from keystone.accounts.names import validate_name

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
