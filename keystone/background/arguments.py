"""What a task may take and return: JSON that PostgreSQL can store."""

import json
import re
from typing import Any

from django.utils.json import normalize_json

# An escaped NUL: an odd number of backslashes before it; after an even one, the backslash itself is meant.
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
# Every task that is enqueued passes here. What contains itself ends as a RecursionError, without being looked for.
_encoded = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False).encode


def storable(value: Any, *, what: str) -> Any:
    """The value as it comes back from the database: tuples as lists, keys as text.

    Args:
        value: anything.
        what: how an error names it, such as "the arguments of …".

    Raises:
        TypeError: it is not JSON.
        ValueError: it is, but PostgreSQL cannot keep it: NaN and infinity, NUL, or half of a surrogate pair.
    """
    try:
        try:
            text = _encoded(value)
        except TypeError:  # bytes that are text, and mappings and sequences of other kinds, as Django takes them
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
