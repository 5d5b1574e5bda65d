"""Validate names. They appear in emails to other people and must not carry a message."""

import re
import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

_ADDRESS = re.compile(r"://|www\.|[\w-]\.(?:com|net|org|info|io|ru|cn|xyz|top|link|click)\b", re.IGNORECASE)
_FULL_STOPS = str.maketrans("\u3002", ".")  # a dot in host names to browsers (UTS 46), besides those NFKC maps

# Unicode letters and marks that are invisible. The soft hyphen is not here: it is a format character (Cf).
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
_JOINERS = "\u200c\u200d"  # Persian, Indic and other scripts need them
# Variation selectors choose the shape of the ideograph before them, and mean nothing anywhere else.
_STRAY_SELECTOR = re.compile(r"(?<!\w)[\ufe00-\ufe0f\U000e0100-\U000e01ef]")


def composed(name: str) -> str:
    """Return a name in NFC, as it is stored. A trigger does the same for plain SQL."""
    return unicodedata.normalize("NFC", name)


def validate_name(value: str) -> None:
    """Refuse names with line breaks, invisible characters or web addresses.

    Invisible are control characters (Unicode categories Cc, Zl, Zp), characters that turn or hide text (Cf, among them
    all Bidi_Control characters; UAX 9 and UTS 36), surrogates (Cs), private-use characters (Co) and unassigned code
    points (Cn), except in the planes reserved for ideographs, where characters of people's names are added.

    Raises:
        ValidationError: the name contains one.
    """
    categories = [unicodedata.category(sign) for sign in value]
    if not {"Cc", "Cs", "Zl", "Zp"}.isdisjoint(categories):
        raise ValidationError(_("A name has no line breaks or control characters."), code="control_character")
    if _STRAY_SELECTOR.search(value) or any(_is_hidden(value, index, kind) for index, kind in enumerate(categories)):
        raise ValidationError(_("A name has no invisible characters."), code="invisible_character")
    if _ADDRESS.search(unicodedata.normalize("NFKC", value).translate(_FULL_STOPS)):
        raise ValidationError(_("A name has no web address in it."), code="web_address")


def _is_hidden(value: str, index: int, category: str) -> bool:
    sign = value[index]
    if sign in _JOINERS:
        return not (_is_written(value[index - 1 : index]) and _is_written(value[index + 1 : index + 2]))
    if category == "Cn":
        return not 0x20000 <= ord(sign) <= 0x3FFFD or ord(sign) & 0xFFFE == 0xFFFE
    return category in {"Cf", "Co"} or sign in _BLANK


def _is_written(sign: str) -> bool:
    """Return whether a character is a letter or a mark, so that a joiner next to it has something to join."""
    return sign != "" and unicodedata.category(sign)[0] in "LM"
