"""The parser of JSON request bodies."""

import codecs
import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from keystone.observability.logs.request_secrets import note_secrets

DEEPEST = 32  # nested lists and objects


class StrictJSONParser(JSONParser):
    """A parser of unambiguous JSON that can be stored and returned (RFC 8259, restricted as in RFC 7493).

    It must be UTF-8 without a byte order mark, whatever charset the Content-Type names (RFC 8259, sections 8.1 and 11).
    Names in an object must be unique (section 4) and numbers finite. Strings must not contain lone surrogates (section
    8.2), which are not valid Unicode, or NUL, which PostgreSQL can't store.
    """

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        """Return the parsed body.

        Raises:
            ParseError: it is malformed.
        """
        body = stream.read()
        if body.startswith(codecs.BOM_UTF8):
            raise ParseError(_("The JSON begins with a byte order mark. Send it without one."))
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError:
            raise ParseError(_("The body is not valid UTF-8.")) from None
        try:
            data = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_number, parse_float=_float)
        except RecursionError:
            raise _too_deep() from None
        except json.JSONDecodeError as error:
            where = {"line": error.lineno, "column": error.colno}
            raise ParseError(_("The body is not valid JSON: see line %(line)d, column %(column)d.") % where) from None
        except ValueError:  # integers with thousands of digits
            _refuse_number("")
        _check(data)
        note_secrets(data)
        return data


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ParseError(_("The JSON contains an object with a duplicate name."))
    return found


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        _refuse_number(text)
    return value


def _refuse_number(text: str) -> NoReturn:
    raise ParseError(_("The JSON contains a number that is invalid or too large."))


def _too_deep() -> ParseError:
    return ParseError(_("The JSON is nested too deeply: at most %(limit)d levels.") % {"limit": DEEPEST})


def _check(data: Any) -> None:
    """Check the depth and every string. It doesn't recurse, because the data may be nested deeply."""
    level, depth = [data], 0
    while level:
        below: list[Any] = []
        for value in level:
            if isinstance(value, str):
                _check_text(value)
            elif isinstance(value, dict):
                below += value
                below += value.values()
            elif isinstance(value, list):
                below += value
        depth += any(isinstance(value, dict | list) for value in level)
        if depth > DEEPEST:
            raise _too_deep()
        level = below


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise ParseError(_("The JSON contains a NUL character."))
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ParseError(_("The JSON contains half a character (a lone surrogate).")) from None
