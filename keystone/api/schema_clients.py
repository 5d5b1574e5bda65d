"""Changes to the schema for client generators, which would otherwise misread it.

Defaults are removed from the fields of requests: openapi-typescript and others make fields with a default required.
Formats that stored values need not match are removed from the fields of responses: generated models validate them, and
would reject a whole page because of one email address that our rules accept and theirs don't.
"""

from collections.abc import Iterator
from typing import Any

CHECKED_FORMATS = frozenset({"email", "idn-email", "hostname", "idn-hostname", "uri", "uri-reference", "ipv4", "ipv6"})
PREFIX = "#/components/schemas/"


def suit_clients(document: dict[str, Any]) -> None:
    """Remove defaults from requests and checked formats from responses. Changes the document in place."""
    requests, answers = _parts(document, "requestBody"), _parts(document, "responses")
    for part in requests:
        for schema in part.get("properties", {}).values():
            _tell_default(schema)
    sent = {id(part) for part in requests}
    for part in answers:
        # Schemas used in both requests and responses keep their format, which is validated in requests.
        if id(part) not in sent and part.get("format") in CHECKED_FORMATS:
            del part["format"]


def _tell_default(schema: dict[str, Any]) -> None:
    """Move a default into the description."""
    default = schema.pop("default", "")
    if default not in ("", None, []):
        said = str(default).lower() if isinstance(default, bool) else str(default)
        schema["description"] = f"{schema.get('description', '')} By default `{said}`.".strip()


def _parts(document: dict[str, Any], of: str) -> list[dict[str, Any]]:
    """Return every schema used in requests (or responses), at any depth."""
    components = document.get("components", {}).get("schemas", {})
    operations = [
        operation
        for item in document.get("paths", {}).values()
        for operation in item.values()
        if isinstance(operation, dict) and of in operation
    ]
    waiting: list[Any] = [operation[of] for operation in operations]
    found: dict[int, dict[str, Any]] = {}
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if id(part) in found:
                continue
            found[id(part)] = part
            reference = part.get("$ref", "")
            if isinstance(reference, str) and reference.startswith(PREFIX):
                waiting.append(components.get(reference.removeprefix(PREFIX)))
        waiting += _below(part)
    return list(found.values())


def _below(part: Any) -> Iterator[Any]:
    if isinstance(part, dict):
        yield from part.values()
    elif isinstance(part, list):
        yield from part
