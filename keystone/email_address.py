"""Email addresses: which ones are the same, and which can be mailed."""

import unicodedata

import idna
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import mailers
from django.core.validators import EmailValidator
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

MAX_LENGTH = 254  # RFC 5321, section 4.5.3.1.3, less the angle brackets
MAX_LOCAL_LENGTH = 64  # RFC 5321, section 4.5.3.1.1; bytes

# No spelling of an address is longer, and normalizing longer text takes time that grows with the square of its length.
_LONGEST_LOOKED_AT = 4 * MAX_LENGTH

# Top-level domains that are never in the DNS (RFC 6761, RFC 6762, RFC 7686, RFC 9476; `localdomain` by convention).
# "test" and "internal" are left out because a private network may resolve them.
_WITHOUT_INTERNET = ("local", "testing")
_UNREACHABLE = frozenset({"alt", "example", "invalid", "local", "localdomain", "localhost", "onion"})

_validate_ascii = EmailValidator(message=_("Enter a valid email address."))


def normalize(address: str) -> str:
    """Return the normalized spelling of an email address, which is the same for all of its spellings.

    The local part is lower-cased, but not case-folded: `ß@` and `ss@` may be two people. The domain is converted to
    ASCII by UTS 46. Dots and `+tags` are kept, because their meaning depends on the provider.

    An address is refused if its local part contains compatibility forms, such as full-width letters: mail could not be
    sent to it as written, and it would claim the address of its real owner.

    Args:
        address: an email address as typed; surrounding whitespace is ignored.

    Raises:
        ValidationError: it is not a valid email address.
    """
    if len(address.strip()) > _LONGEST_LOOKED_AT:
        raise _too_long()
    typed = as_typed(address)
    local, at, domain = typed.rpartition("@")
    plain = unicodedata.normalize("NFKC", local)
    if (
        not (at and local and domain)
        or plain != local
        or "=?" in local  # begins an encoded word (RFC 2047), which mail headers decode to another address
        or any(unicodedata.category(sign)[0] in "CZ" for sign in typed)
    ):
        raise _invalid()
    folded = unicodedata.normalize("NFC", local.lower())
    try:
        ascii_domain = _ascii_domain(domain)
    except (idna.IDNAError, UnicodeError):
        raise _invalid() from None
    # The validator accepts ASCII local parts only; treat letters of other scripts as letters.
    _validate_ascii("".join(sign if sign.isascii() else "x" for sign in folded) + f"@{ascii_domain}")
    normalized = f"{folded}@{ascii_domain}"
    if max(len(normalized), len(typed)) > MAX_LENGTH:
        raise _too_long()
    return normalized


def require_deliverable(address: str) -> str:
    """Refuse a new email address that mail can't be sent to. Stored addresses are not affected.

    A non-ASCII local part requires a mailer that supports SMTPUTF8 (RFC 6531). A backend declares it with the attribute
    `supports_smtputf8 = True`. Django's backends don't.

    Returns:
        The normalized email address.

    Raises:
        ValidationError: it is not a valid email address, or mail to it would fail.
    """
    normalized = normalize(address)
    local, _at, domain = normalized.rpartition("@")
    typed = as_typed(address).rpartition("@")[0]
    if max(len(local.encode()), len(typed.encode())) > MAX_LOCAL_LENGTH:
        message = _("The part of an email address before the @ has at most %(limit)d characters.")
        raise ValidationError(message, code="max_length", params={"limit": MAX_LOCAL_LENGTH})
    if len(normalized.encode()) > MAX_LENGTH:
        raise _too_long()
    top = domain.rpartition(".")[2]
    if typed.startswith('"') or top.isdigit():  # quotes give a mailbox a second spelling; no domain ends in a number
        raise _invalid()
    if not typed.isascii() and not _sends_utf8():
        message = _(
            "Mail cannot be sent to this address: only unaccented letters from a to z, digits and "
            "signs are possible before the @."
        )
        raise ValidationError(message, code="undeliverable")
    if settings.ENVIRONMENT not in _WITHOUT_INTERNET and (top == domain or top in _UNREACHABLE):
        message = _("Mail cannot be sent to this address: “%(domain)s” is not a domain on the internet.")
        raise ValidationError(message, code="undeliverable", params={"domain": domain})
    return normalized


def beginning(text: str) -> str:
    """Return the prefix of the normalized email addresses that begin with `text` in any spelling."""
    local, at, domain = as_typed(text).rpartition("@")
    if not at:
        return domain.lower()
    try:
        domain = _ascii_domain(domain)
    except (idna.IDNAError, UnicodeError):  # an incomplete domain
        domain = domain.lower()
    return f"{unicodedata.normalize('NFC', local.lower())}@{domain}"


def as_typed(address: str) -> str:
    """Return the email address as it is stored and shown: in NFC, without surrounding whitespace."""
    return unicodedata.normalize("NFC", address.strip())


def as_mailed(address: str) -> str:
    """Return the email address with its domain in ASCII (UTS 46), for mail servers.

    Django would encode the domain by IDNA 2003, which turns `straße.de` into `strasse.de`, a different domain.
    """
    local, _at, domain = as_typed(address).rpartition("@")
    if domain.isascii():
        return address
    try:
        return f"{local}@{_ascii_domain(domain)}"
    except (idna.IDNAError, UnicodeError):  # not an address: sending it fails
        return address


def pseudonym(normalized: str) -> str:
    """Return the pseudonym that replaces the email address of an erased person. Linking them requires `SECRET_KEY`."""
    digest = salted_hmac("keystone.email_address.pseudonym", normalized, algorithm="sha256").hexdigest()
    return f"{digest[:40]}@erased.invalid"


def _ascii_domain(domain: str) -> str:
    return idna.encode(domain, uts46=True).decode("ascii").lower()


def _sends_utf8() -> bool:
    return bool(getattr(mailers["default"], "supports_smtputf8", False))


def _invalid() -> ValidationError:
    return ValidationError(_("Enter a valid email address."), code="invalid")


def _too_long() -> ValidationError:
    message = _("An email address has at most %(limit)d characters.")
    return ValidationError(message, code="max_length", params={"limit": MAX_LENGTH})
