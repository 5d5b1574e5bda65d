"""Mark names and email addresses that may be mistaken for others."""

import re
import unicodedata

import idna
from django.utils.translation import gettext as _

# Scripts that may be combined (UTS 39, section 5.2, "highly restrictive"), identified by Unicode character names.
_TOGETHER = (
    {"LATIN", "CJK", "HIRAGANA", "KATAKANA"},
    {"LATIN", "CJK", "HANGUL"},
    {"LATIN", "CJK", "BOPOMOFO"},
)
_SAME = {"IDEOGRAPHIC": "CJK", "KATAKANA-HIRAGANA": "", "MODIFIER": ""}
_WORD = re.compile(r"\w+")


def mixes_scripts(text: str) -> bool:
    """Return whether a word combines scripts that are not written together, such as Cyrillic and Latin."""
    return any(not _is_one(_scripts(word)) for word in _WORD.findall(unicodedata.normalize("NFKC", text)))


def remark_on_name(name: str) -> str:
    """Return a warning about a name that mixes scripts; otherwise empty."""
    return _("mixed alphabets") if mixes_scripts(name) else ""


def remark_on_address(address: str) -> str:
    """Return a remark on an email address: the ASCII form of its domain, and whether it mixes scripts; or empty."""
    if address.isascii() and "xn--" not in address.lower():
        return ""
    local, _at, domain = address.rpartition("@")
    try:
        ascii_domain = idna.encode(domain, uts46=True).decode("ascii").lower()
        shown = idna.decode(ascii_domain)
    except (idna.IDNAError, UnicodeError):
        ascii_domain = shown = domain
    remarks = [] if domain.isascii() else [ascii_domain]
    if mixes_scripts(local) or mixes_scripts(shown):
        remarks.append(_("mixed alphabets"))
    return ", ".join(remarks)


def with_remark(text: str, remark: str) -> str:
    """Return a name or an email address as plain text, with the remark in parentheses if there is one."""
    return f"{text} ({remark})" if text and remark else text


def _scripts(word: str) -> set[str]:
    names = (unicodedata.name(sign, "").partition(" ")[0] for sign in word if unicodedata.category(sign)[0] == "L")
    return {_SAME.get(name, name) for name in names} - {""}


def _is_one(scripts: set[str]) -> bool:
    return len(scripts) < 2 or any(scripts <= together for together in _TOGETHER)
