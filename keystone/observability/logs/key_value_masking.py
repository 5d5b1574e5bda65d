"""Mask secrets that follow their name: `password=…`, `"token": "…"`, `Cookie: …`, anywhere in a text."""

import re

MASK = "…"

# Anywhere in a name: `new_password2`, `csrfmiddlewaretoken`, `SECRET_KEY`, `HTTP_COOKIE`.
_ANYWHERE = (
    r"pass(?:word|wd|phrase|code)|secret|token|credential|(?:api|access|private|session)[_-]?key|sessionid"
    r"|recovery[_-]?code|signature"
)
# A name, or its last word: `access` is one of our tokens, `access_ends_at` a date.
_LAST_WORD = r"access|refresh|t?otp|pwd|pin|dsn|jwt"
_HEADER = r"authori[sz]ation|cookies?"  # the rest of the line is secret
_NAME = re.compile(rf"{_ANYWHERE}|{_HEADER}|(?<![^\W_])(?:{_LAST_WORD})[0-9]?$", re.IGNORECASE)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

SIGN = re.compile("[:=,]|%3")  # every name is followed by one of these: a text without them is skipped
_KEY = re.compile(
    rf"(?:(?P<header>{_HEADER})|(?:{_ANYWHERE})[\w-]{{0,16}}+|(?<![^\W_])(?:{_LAST_WORD})[0-9]?)"
    r"(?P<closing>%2[27]|&(?:quot|#x27|#39);|\\{0,7}+[\"']?[)\]]?)"
    r"(?:[ \t]|%20){0,3}+(?P<sign>=>|[:=,]|%3D|%3A)(?:[ \t]|%20){0,3}+",
    re.ASCII | re.IGNORECASE,
)
# The text before the name in ("name", "value").
_PAIR = re.compile(r"[(\[][ ]?b?\\{0,7}[\"'][\w.-]{0,40}$", re.ASCII)
_QUOTE = re.compile(r"[bru]{0,2}(\\{0,7}+[\"'])", re.IGNORECASE)
# A password may contain a quote between letters; a quote before anything else ends the value.
_BARE = re.compile(r"(?:(?:bearer|basic|token|digest)[ ]+)?(?:[^\s&\"']|[\"'](?=\w))*", re.IGNORECASE)
_NESTED = re.compile(r"""\\.|"(?:[^"\\\n]|\\.)*+"|'(?:[^'\\\n]|\\.)*+'|[\[({]|[\])}]|\n""")
_SAYS_NOTHING = frozenset({"", "true", "false", "null", "none", "[", "{", "(", MASK})


def is_secret_name(name: str) -> bool:
    """Return whether the name is that of a secret: `password`, `resetToken`, `HTTP_COOKIE`; not `access_ends_at`."""
    return _NAME.search(_HUMP.sub("_", name)) is not None


def is_code_name(name: str) -> bool:
    """Return whether a value with this name is a code, perhaps of a second factor: `code`, `otp_code`."""
    return name.lower().endswith("code")


def mask_pairs(text: str) -> str:
    """Return the text with `…` in place of each value with a secret name.

    It takes linear time for any text: each character is examined a limited number of times.
    """
    parts: list[str] = []
    done, place = 0, 0
    absent: set[str] = set()  # quotes that don't occur any more
    while match := _KEY.search(text, place):
        place = match.end()
        if match["sign"] == "," and not _is_pair(text, match):
            continue
        if match["closing"].startswith(("%", "&")) and text.startswith(match["closing"], place):
            start = place + len(match["closing"])  # JSON in a URL or in a page has encoded quotes
            end = _closing(text, start, match["closing"], absent)
        else:
            start, end = _value(text, place, absent, to_line_end=match["header"] is not None)
        if text[start:end].rstrip(",;.)]}").lower() in _SAYS_NOTHING:
            place = end
            continue
        parts += (text[done:start], MASK)
        done = place = end
    return "".join((*parts, text[done:]))


def _is_pair(text: str, match: re.Match[str]) -> bool:
    """Return whether a name before a comma is the first item in brackets, as headers and forms are often written."""
    is_quoted = match["closing"].endswith(("'", '"'))
    return is_quoted and _PAIR.search(text[max(0, match.start() - 50) : match.start()]) is not None


def _value(text: str, place: int, absent: set[str], *, to_line_end: bool) -> tuple[int, int]:
    """Return the start and the end of the value at `place`, without its quotes."""
    if quote := _QUOTE.match(text, place):
        return quote.end(), _closing(text, quote.end(), quote[1], absent)
    if text[place : place + 1] in ("[", "(", "{"):
        return place, _bracket(text, place)
    if to_line_end:
        return place, _line_end(text, place)
    bare = _BARE.match(text, place)
    return place, bare.end() if bare else place


def _closing(text: str, start: int, quote: str, absent: set[str]) -> int:
    """Return the end of the quoted text: at the same quote, with as many backslashes, on the same line."""
    place, backslash = start, ("%5C", "%5c") if quote.startswith("%") else "\\"
    while quote not in absent:
        place = text.find(quote, place)
        if place < 0:
            absent.add(quote)
        elif not text.endswith(backslash, start, place):
            return place if "\n" not in text[start:place] else _line_end(text, start)
        else:
            place += 1
    return _line_end(text, start)


def _bracket(text: str, start: int) -> int:
    """Return the end of the list or mapping that begins at `start`, or of the line."""
    depth = 0
    for found in _NESTED.finditer(text, start):
        if found[0] in ("[", "(", "{"):
            depth += 1
        elif found[0] in ("]", ")", "}"):
            depth -= 1
            if depth == 0:
                return found.end()
        elif found[0] == "\n":
            return found.start()
    return len(text)


def _line_end(text: str, start: int) -> int:
    place = text.find("\n", start)
    return len(text) if place < 0 else place
