"""Mask secrets in log entries, errors of tasks, and Sentry events.

Masked are values with a secret name (`key_value_masking`), values that look like our tokens and codes, the secrets in
the settings, and those of the current request (`request_secrets`).
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from keystone.observability.logs.key_value_masking import MASK, SIGN, is_code_name, is_secret_name, mask_pairs
from keystone.observability.logs.request_secrets import noted_secrets

SHORTEST_KNOWN = 12  # characters; a shorter secret may be an ordinary word elsewhere
DEPTH = 20  # deeper levels are masked
LONGEST_CLEAN, MOST_CLEAN = 200, 4_096  # characters of a text that is kept as clean, and how many are

# The pages that a link opens (see `keystone.accounts.emails.link`), also inside the query of another URL.
_LINK = re.compile(
    r"((?:/|%2F)(?:verify-email|reset-password|confirm-email|revert-email|accept-invitation|unsubscribe)(?:/|%2F))[\w-]{20,}+",
    re.ASCII | re.IGNORECASE,
)
# The beginning is enough: lines may be truncated. What stands before it in the same word is part of another secret.
_JWT = re.compile(r"(?<![\w-])[\w-]*?eyJ[\w-]{8,}+(?:\.[\w-]*+){0,4}", re.ASCII)
_SCHEME = re.compile(r"\b(bearer|basic|auth (?:plain|login))[ ]+[\w.~+/=-]{16,}+", re.ASCII | re.IGNORECASE)
_USER_INFO = re.compile(r"://[^\s/?#]{1,512}@")
# An authenticator's code or a recovery code without dashes, after the word "code". Error codes are words.
_CODE = re.compile(
    r"(code\\{0,7}+[\"']?[ \t]?[:=][ \t]?\\{0,7}+[\[(]?[\"']?)(?:\d{6,8}|[0-9a-z]{4}(?:[ -]?[0-9a-z]{4}){3})(?![\w-])",
    re.ASCII | re.IGNORECASE,
)
# As `keystone.two_factor.recovery_codes` spells them, and as people may: with O, I and L.
_RECOVERY_CODE = re.compile(r"(?<![\w-])[0-9a-tv-z]{4}(?:-[0-9a-tv-z]{4}){3}(?![\w-])", re.ASCII | re.IGNORECASE)
_LONG_WORD = re.compile(r"(?<![\w-])[\w-]{32,}+", re.ASCII)
_UPPER, _LOWER, _DIGIT = re.compile("[A-Z]"), re.compile("[a-z]"), re.compile("[0-9]")
_PLAIN, _HEX = re.compile("[A-Z0-9]+|[a-z0-9]+"), re.compile("[A-F0-9]+|[a-f0-9]+")
TOKEN_LENGTH = 43  # the length of `secrets.token_urlsafe(32)`


class _Known:
    """The secrets in the settings, as one pattern, and short texts without a secret, which log lines repeat."""

    pattern: re.Pattern[str] | None = None
    clean: ClassVar[set[str]] = set()


def remember(secrets: Iterable[str]) -> None:
    """Mask these secrets from now on, instead of those of earlier calls. Short ones are left out."""
    words = sorted({word for word in secrets if len(word) >= SHORTEST_KNOWN}, key=len, reverse=True)
    _Known.pattern = re.compile("|".join(map(re.escape, words))) if words else None
    _Known.clean.clear()


def masked(text: str) -> str:
    """Return the text with `…` in place of each secret: tokens, passwords, keys, cookies, codes.

    It takes linear time for any text, about 20 microseconds per line.
    """
    text = _without_noted(text)
    if text in _Known.clean:
        return text
    found = _without_patterns(text)
    if found == text and len(text) <= LONGEST_CLEAN:
        if len(_Known.clean) >= MOST_CLEAN:
            _Known.clean.clear()
        _Known.clean.add(text)
    return found


def _without_patterns(text: str) -> str:
    text = _without_known(text)
    has_sign = SIGN.search(text) is not None
    if has_sign:
        text = mask_pairs(text)
    text = _SCHEME.sub(rf"\1 {MASK}", text)
    if has_sign:
        text = _CODE.sub(rf"\1{MASK}", text)
    text = _RECOVERY_CODE.sub(MASK, text)
    return _LONG_WORD.sub(_mask_random, text)


def without_tokens(text: str) -> str:
    """Mask secrets in text written for people, without masking values after a secret name.

    For example, "Password: too short" is not changed.
    """
    return _LONG_WORD.sub(_mask_random, _without_known(_without_noted(text)))


def _without_noted(text: str) -> str:
    for secret in noted_secrets():
        text = text.replace(secret, MASK)
    return text


def _without_known(text: str) -> str:
    if _Known.pattern:
        text = _Known.pattern.sub(MASK, text)
    text = _LINK.sub(rf"\1{MASK}", text)
    if "eyJ" in text:
        text = _JWT.sub(MASK, text)
    if "://" in text:
        text = _USER_INFO.sub(f"://{MASK}@", text)
    return text


def _mask_random(match: re.Match[str]) -> str:
    word = match[0]
    return MASK if _looks_random(word) else word


def _looks_random(word: str) -> bool:
    """Return whether a long word looks random, like a token or a session key. Names, UUIDs and digests don't."""
    if _UPPER.search(word) and _LOWER.search(word):
        return len(word) == TOKEN_LENGTH or _DIGIT.search(word) is not None
    return (
        len(word) in (32, 64)
        and _PLAIN.fullmatch(word) is not None
        and _HEX.fullmatch(word) is None
        and _DIGIT.search(word) is not None
    )


def masked_data(value: Any, *, depth: int = DEPTH) -> Any:
    """Mask the secrets in a structure of mappings, lists and strings, by the names of keys and within strings.

    Args:
        value: JSON-like data. Tuples become lists; bytes and other objects become strings.
        depth: the number of levels to process; deeper ones are replaced with `…`.

    Returns:
        A new structure of dicts, lists, strings, numbers, booleans and None. The argument isn't changed.
    """
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return masked(value)
    if depth <= 0:
        return MASK
    if isinstance(value, Mapping):
        named = ((_text(name), item) for name, item in value.items())
        return {masked(name): _named(name, item, depth) for name, item in named}
    if isinstance(value, (list, tuple, set, frozenset)):
        items = list(value)
        if len(items) == 2 and isinstance(items[0], str) and isinstance(items[1], str):
            return [masked(items[0]), _named(items[0], items[1], depth)]  # a header, as a pair
        return [masked_data(item, depth=depth - 1) for item in items]
    return masked(_text(value))


def _named(name: str, value: Any, depth: int) -> Any:
    is_empty = value is None or isinstance(value, bool) or value in ("", [], {}, ())
    if not is_empty and is_secret_name(name):
        return MASK
    if isinstance(value, str) and is_code_name(name):
        return masked(f"code={value}").removeprefix("code=")
    return masked_data(value, depth=depth - 1)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (bytes, bytearray)):
        return value.decode("utf-8", "backslashreplace")
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - __str__() may raise any exception
        return f"<{type(value).__name__}>"
