"""Validate task arguments and return values: JSON that PostgreSQL can store."""

import json
import re
from typing import Any

from django.utils.json import normalize_json

# Matches an escaped NUL, but not an escaped backslash followed by "u0000".
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
# This runs for every enqueued task. Circular references are not checked for: they end in a RecursionError.
_encoded = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False).encode


def storable(value: Any, *, what: str) -> Any:
    """Return the value as it would come back from the database: tuples as lists, keys as text.

    Args:
        value: any object.
        what: how error messages name the value, such as "the arguments of …".

    Raises:
        TypeError: the value is not JSON.
        ValueError: PostgreSQL cannot store the value: it contains NaN, infinity, NUL or half of a surrogate pair, or
            is nested too deeply.
    """
    try:
        try:
            text = _encoded(value)
        except TypeError:  # Django also accepts bytes that are text, and other mappings and sequences
            text = _encoded(normalize_json(value))
        text.encode()
    except TypeError as error:
        raise TypeError(f"{what} must be JSON: {error}. Pass ids, text or numbers.") from None
    except RecursionError:
        raise ValueError(f"{what} cannot be kept: they are nested too deeply or contain themselves.") from None
    except UnicodeEncodeError:
        raise ValueError(f"{what} cannot be kept: a text holds half of a surrogate pair.") from None
    except ValueError as error:
        raise ValueError(f"{what} cannot be kept: {error}.") from None
    if _NUL.search(text):
        raise ValueError(f"{what} cannot be kept: a text holds the character NUL.")
    return json.loads(text)
