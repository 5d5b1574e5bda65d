"""The identity of an email address: what counts as the same address, and what can be mailed."""

import unicodedata

import idna
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from django.utils.translation import gettext_lazy as _

MAX_LENGTH = 254  # RFC 5321, section 4.5.3.1.3, less the angle brackets

# Nothing longer is an address in any spelling, and to compose it would take a time that grows with its square.
_LONGEST_LOOKED_AT = 4 * MAX_LENGTH

_validate_ascii = EmailValidator(message=_("Enter a valid email address."))


def normalize(address: str) -> str:
    """The one spelling that all spellings of an address share.

    NFKC and case-folding (Unicode, UAX 15 and section 3.13) for the local part; UTS 46 for the domain, which comes
    out as its ASCII form. Dots and `+tags` are kept: what they mean is the provider's business.

    An address is refused if its local part is written in compatibility forms, such as full-width letters: mail
    could not be sent to it as it stands, and it would take the address from its owner.

    Args:
        address: an address as somebody typed it; surrounding white space is ignored.

    Raises:
        ValidationError: it is not an address.
    """
    if len(address.strip()) > _LONGEST_LOOKED_AT:
        raise _too_long()
    typed = as_typed(address)
    local, at, domain = typed.rpartition("@")
    plain = unicodedata.normalize("NFKC", local)
    if (
        not (at and local and domain)
        or plain != local
        or "=?" in local  # begins an encoded word (RFC 2047), which a mail header would decode into another address
        or any(unicodedata.category(sign)[0] in "CZ" for sign in typed)
    ):
        raise _invalid()
    folded = unicodedata.normalize("NFKC", local.casefold())
    try:
        ascii_domain = idna.encode(domain, uts46=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError):
        raise _invalid() from None
    # The validator knows ASCII local parts only; a letter of another script counts as a letter.
    _validate_ascii("".join(sign if sign.isascii() else "x" for sign in folded) + f"@{ascii_domain}")
    normalized = f"{folded}@{ascii_domain}"
    if max(len(normalized), len(typed)) > MAX_LENGTH:
        raise _too_long()
    return normalized


def as_typed(address: str) -> str:
    """The address as it is kept for showing and mailing: composed (NFC), without white space around it."""
    return unicodedata.normalize("NFC", address.strip())


def _invalid() -> ValidationError:
    return ValidationError(_("Enter a valid email address."), code="invalid")


def _too_long() -> ValidationError:
    message = _("An email address has at most %(limit)d characters.")
    return ValidationError(message, code="max_length", params={"limit": MAX_LENGTH})
