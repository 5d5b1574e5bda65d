"""Password validators in addition to Django's: maximum length and common passwords."""

import gzip
import re
import threading
import unicodedata
from collections.abc import Iterator
from functools import cache
from importlib.machinery import SourceFileLoader
from importlib.metadata import distribution
from pathlib import Path
from types import ModuleType
from typing import Any

from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from keystone.conf import options

MAX_PASSWORD_LENGTH = 256  # characters; longer ones only waste CPU time
# The passwords of the development accounts, which the README publishes. They must not be used anywhere else.
PUBLISHED_PASSWORDS = ("Admin@1234", "Sample@1234")

MOST_ADDED = 6  # characters: a year and two symbols
SHORTEST_CORE = 4  # characters; shorter entries of the lists are part of too many good passwords
LOOK_ALIKES = {
    "a": "4@",
    "b": "8",
    "c": "(",
    "e": "3",
    "g": "69",
    "i": "1!|l",
    "o": "0",
    "s": "5$",
    "t": "7+",
    "z": "2",
}
SPELLING = str.maketrans({sign: letter for letter, signs in LOOK_ALIKES.items() for sign in signs})

_loading = threading.Lock()


class MaximumLengthValidator:
    """A validator that refuses unreasonably long passwords.

    NIST SP 800-63B-4, section 3.1.1.2 and OWASP ASVS 5.0, 6.2.9 require that at least 64 characters are allowed.
    """

    def __init__(self, max_length: int = MAX_PASSWORD_LENGTH) -> None:
        """Set the limit.

        Args:
            max_length: the maximum length in characters, inclusive.
        """
        self.max_length = max_length

    def validate(self, password: str, user: Any = None) -> None:
        """Validate a new password.

        Raises:
            ValidationError: `password_too_long`.
        """
        if len(password) > self.max_length:
            message = ngettext(
                "This password is too long. It may contain at most %(max_length)d character.",
                "This password is too long. It may contain at most %(max_length)d characters.",
                self.max_length,
            )
            raise ValidationError(message, code="password_too_long", params={"max_length": self.max_length})

    def get_help_text(self) -> str:
        """Return the rule for users who choose a password."""
        return ngettext(
            "Your password may contain at most %(max_length)d character.",
            "Your password may contain at most %(max_length)d characters.",
            self.max_length,
        ) % {"max_length": self.max_length}


class CommonPasswordValidator:
    """A validator that refuses the passwords that attackers try first, and their variations.

    The lists are Django's 20,000 and zxcvbn's 30,000 passwords, the project's name (as a whole and each word), and the
    passwords that our README publishes. NIST SP 800-63B-4, section 3.1.1.2 requires such a list with the name of the
    service and its derivatives; OWASP ASVS 5.0, 6.2.4 requires the 3,000 most common passwords, and 6.2.11 words from
    the context. A listed password is refused

    - in any case and width of letters (case-folded NFKC),
    - with symbols in place of letters: `p@ssw0rd`,
    - with up to six digits and symbols before and after it, as composition rules teach people: `Password2026!`,
    - repeated, with or without symbols in between: `dragondragon`, `Password2026! Password2026!`. Any password that
      repeats itself every three characters or less is refused, too: `abcabcabc`.

    A listed word among others is allowed: `correct horse battery staple`. So are more than six digits and symbols,
    which take longer to guess than the word. Digits and capitals are not required.
    """

    def validate(self, password: str, user: Any = None) -> None:
        """Validate a new password. The first call in a process reads the lists (see `common_passwords`).

        Raises:
            ValidationError: `password_too_common`.
        """
        refused = common_passwords()
        own = _context_words(options().project_name)
        if any(len(core) < SHORTEST_CORE or core in refused or core in own for core in _cores(password)):
            message = _("This password is too common: it is one of those that attackers try first.")
            raise ValidationError(message, code="password_too_common")

    def get_help_text(self) -> str:
        """Return the rule for users who choose a password."""
        return _(
            "Your password cannot be a commonly used one, even with digits or symbols added or in place of letters."
        )


def common_passwords() -> frozenset[str]:
    """Return the listed passwords, each normalized by `_spelled`. They are read at the first call and kept.

    The first call takes 0.1 s and 8 MB of memory (CPython 3.13, 39,000 entries).
    """
    with _loading:  # so that concurrent callers read the lists only once
        return _read_lists()


@cache
def _read_lists() -> frozenset[str]:
    path = Path(password_validation.__file__).parent / "common-passwords.txt.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        words = {_spelled(line.strip()) for line in lines}
    words.update(map(_spelled, _zxcvbn_passwords()))
    words.update(map(_spelled, PUBLISHED_PASSWORDS))
    return frozenset(words)


def _zxcvbn_passwords() -> list[str]:
    """Return zxcvbn's list. Only its file is run, since importing the package loads another 10 MB of unused tables."""
    file = distribution("zxcvbn").locate_file("zxcvbn/frequency_lists.py")
    loader = SourceFileLoader("zxcvbn_frequency_lists", str(file))
    module = ModuleType(loader.name)
    loader.exec_module(module)
    passwords: list[str] = module.FREQUENCY_LISTS["passwords"]
    return passwords


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _spelled(text: str) -> str:
    """Replace characters that look like letters by those letters, one by one, so that positions stay the same."""
    return _folded(text).translate(SPELLING)


def _context_words(name: str) -> set[str]:
    """Return the words of a name joined together, and each of its longer words."""
    words = [_spelled(word) for word in re.findall(r"\w+", name)]
    return {"".join(words), *(word for word in words if len(word) >= SHORTEST_CORE)}


def _cores(password: str) -> Iterator[str]:
    """Yield what a password may be derived from: itself or its repeated part, without added digits and symbols."""
    for core in _stripped(_folded(password)):
        yield core.translate(SPELLING)
        for unit in _repeated(core):
            yield unit.translate(SPELLING)
            yield from (inner.translate(SPELLING) for inner in _stripped(unit))


def _stripped(folded: str) -> Iterator[str]:
    """Yield the text with none, some and all of the digits and symbols at its ends removed, if enough is left."""
    before, after = _added(folded), _added(folded[::-1])
    for head in range(before + 1):
        for tail in range(min(after, MOST_ADDED - head) + 1):
            core = folded[head : len(folded) - tail]
            if len(core) >= SHORTEST_CORE:
                yield core


def _repeated(folded: str) -> Iterator[str]:
    """Yield the part that the text repeats, if any: as it is, without symbols between words, without any symbols."""
    words = "".join(sign for sign in folded if sign.translate(SPELLING).isalnum())
    for text in dict.fromkeys((folded, words, "".join(filter(str.isalnum, words)))):
        if len(text) >= 2 * SHORTEST_CORE:
            yield from _periods(text)


def _periods(text: str) -> Iterator[str]:
    """Yield the shortest part that the text repeats. The last one may lack the symbols that follow the others."""
    spelled = text.translate(SPELLING)
    for period in range(1, (len(text) + MOST_ADDED) // 2 + 1):
        if spelled.startswith(spelled[period:]):
            lacking = text[len(text) % period : period] if len(text) % period else ""
            if period < SHORTEST_CORE or not any(map(str.isalpha, lacking)):
                yield text[:period]
                return


def _added(text: str) -> int:
    """Return the number of leading characters that are not letters, up to `MOST_ADDED`."""
    signs = text[:MOST_ADDED]
    return next((place for place, sign in enumerate(signs) if sign.isalpha()), len(signs))
