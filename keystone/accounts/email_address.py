"""The identity of an email address: what counts as the same address."""

import unicodedata

import idna
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from django.utils.translation import gettext_lazy as _

MAX_LENGTH = 254  # RFC 5321, section 4.5.3.1.3, less the angle brackets

_validate_ascii = EmailValidator(message=_("Enter a valid email address."))


def normalize(address: str) -> str:
    """The one spelling that all spellings of an address share.

    NFKC and case-folding (Unicode, UAX 15 and section 3.13) for the local part; UTS 46 for the domain, which comes
    out as its ASCII form. Dots and `+tags` are kept: what they mean is the provider's business.

    Args:
        address: an address as somebody typed it; surrounding white space is ignored.

    Raises:
        ValidationError: it is not an address.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", address.strip()).casefold())
    local, at, domain = folded.rpartition("@")
    if not at or not local or not domain or any(unicodedata.category(sign)[0] in "CZ" for sign in folded):
        raise ValidationError(_("Enter a valid email address."), code="invalid")
    try:
        domain = idna.encode(domain, uts46=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError):
        raise ValidationError(_("Enter a valid email address."), code="invalid") from None
    normalized = f"{local}@{domain}"
    # The validator knows ASCII local parts only; a letter of another script counts as a letter.
    _validate_ascii("".join(sign if sign.isascii() else "x" for sign in local) + f"@{domain}")
    if len(normalized) > MAX_LENGTH:
        raise ValidationError(
            _("An email address has at most %(limit)d characters."),
            code="max_length",
            params={"limit": MAX_LENGTH},
        )
    return normalized


def as_typed(address: str) -> str:
    """The address as it is kept for showing and mailing: composed (NFC), without white space around it."""
    return unicodedata.normalize("NFC", address.strip())
