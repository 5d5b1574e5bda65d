"""Validation of names. Names appear in emails to others and must not carry a message of their own."""

import re
import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

_ADDRESS = re.compile(r"://|www\.|[\w-]\.(?:com|net|org|info|io|ru|cn|xyz|top|link|click)\b", re.IGNORECASE)
_FULL_STOPS = str.maketrans("\u3002", ".")  # what a browser takes for the dot of a host name (UTS 46), besides NFKC's

# Letters and marks of Unicode that show nothing: soft hyphen aside, which is a format character like the others.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
_JOINERS = "\u200c\u200d"  # Persian, the scripts of India and others are spelled with them
# Variation selectors choose the shape of the ideograph before them, and mean nothing anywhere else.
_STRAY_SELECTOR = re.compile(r"(?<!\w)[\ufe00-\ufe0f\U000e0100-\U000e01ef]")


def composed(name: str) -> str:
    """A name as it is stored: in NFC. A trigger does the same for plain SQL."""
    return unicodedata.normalize("NFC", name)


def validate_name(value: str) -> None:
    """Refuse what is no part of a name: line breaks, invisible signs, web addresses.

    Invisible are control characters (Unicode categories Cc, Zl, Zp), what turns or hides text (Cf, among it all
    Bidi_Control characters; UAX 9 and UTS 36), half characters (Cs), what each machine shows as it likes (Co), and what
    Unicode has not assigned (Cn) but for the planes that it keeps for ideographs, where names of people are added.

    Raises:
        ValidationError: the name holds one.
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
    """Whether a sign is a letter or a mark of one, so that a joiner beside it has something to join."""
    return sign != "" and unicodedata.category(sign)[0] in "LM"
