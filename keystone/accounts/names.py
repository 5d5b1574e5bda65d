"""What a name may hold: names are put into mails to others, and must not carry a message of their own."""

import re
import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

_ADDRESS = re.compile(r"://|www\.|[\w-]+\.(?:com|net|org|info|io|ru|cn|xyz|top|link|click)\b", re.IGNORECASE)


def validate_name(value: str) -> None:
    """Refuse control characters, line breaks and web addresses.

    Raises:
        ValidationError: the name holds one.
    """
    if any(unicodedata.category(sign) in {"Cc", "Cs", "Zl", "Zp"} for sign in value):
        raise ValidationError(_("A name has no line breaks or control characters."), code="control_character")
    if _ADDRESS.search(value):
        raise ValidationError(_("A name has no web address in it."), code="web_address")
