"""Changes to the schema for client generators, which would misread it.

Fields of a request that have a default are written without it: openapi-typescript and its like make such a field
required. Fields of an answer have no format that what is stored need not pass: generated models check it, and would
refuse a whole page for one address that our rules accept and theirs do not.
"""

from collections.abc import Iterator
from typing import Any

CHECKED_FORMATS = frozenset({"email", "idn-email", "hostname", "idn-hostname", "uri", "uri-reference", "ipv4", "ipv6"})
PREFIX = "#/components/schemas/"


def suit_clients(document: dict[str, Any]) -> None:
    """Change the document in place: no defaults in what is sent, no formats in what is answered."""
    requests, answers = _parts(document, "requestBody"), _parts(document, "responses")
    for part in requests:
        for schema in part.get("properties", {}).values():
            _tell_default(schema)
    sent = {id(part) for part in requests}
    for part in answers:
        # What is both sent and answered keeps its format: it is checked where it is sent.
        if id(part) not in sent and part.get("format") in CHECKED_FORMATS:
            del part["format"]


def _tell_default(schema: dict[str, Any]) -> None:
    """Put a default into words."""
    default = schema.pop("default", "")
    if default not in ("", None, []):
        said = str(default).lower() if isinstance(default, bool) else str(default)
        schema["description"] = f"{schema.get('description', '')} By default `{said}`.".strip()


def _parts(document: dict[str, Any], of: str) -> list[dict[str, Any]]:
    """Every schema that the bodies of requests, or of responses, are made of, at any depth."""
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
