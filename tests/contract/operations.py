"""The operations that the OpenAPI schema documents, read from the schema that the API serves."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer

METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Operation:
    """One operation.

    Attributes:
        id: its `operationId`.
        method: the HTTP verb in lower case.
        path: the template, such as `/api/users/{id}/`.
        body: the JSON schema of its body, without references; None where it takes no JSON.
        query: the JSON schema of each query parameter, by name.
        path_parameters: the same of the parameters in the path.
        success: the statuses that an answer to a valid request may have.
        secured: whether the schema says that it wants credentials.
    """

    id: str
    method: str
    path: str
    body: dict[str, Any] | None
    query: dict[str, dict[str, Any]]
    path_parameters: dict[str, dict[str, Any]]
    success: frozenset[int]
    secured: bool

    def __str__(self) -> str:
        return self.id

    @property
    def fields(self) -> dict[str, dict[str, Any]]:
        """The JSON schema of each field of the body, by name."""
        properties: dict[str, dict[str, Any]] = (self.body or {}).get("properties", {})
        return properties


@cache
def document() -> dict[str, Any]:
    """The schema as `api/schema/` serves it to everybody: plain JSON types, after every hook."""
    import json

    schema = SchemaGenerator().get_schema(request=None, public=True)
    document: dict[str, Any] = json.loads(OpenApiJsonRenderer().render(schema))
    return document


@cache
def operations() -> tuple[Operation, ...]:
    """Every operation, in the order of the paths."""
    return tuple(
        _operation(path, method, item[method])
        for path, item in sorted(document()["paths"].items())
        for method in METHODS
        if method in item
    )


def operation(operation_id: str) -> Operation:
    """The operation with this id."""
    [found] = [one for one in operations() if one.id == operation_id]
    return found


def resolve(schema: dict[str, Any], *, within: tuple[str, ...] = ()) -> dict[str, Any]:
    """A JSON schema with what it refers to, and what it is composed of, written out.

    Args:
        within: the components that it is a part of. One that holds itself is any object there.
    """
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/components/schemas/")
        if name in within:
            return {"type": "object"}
        return resolve(document()["components"]["schemas"][name], within=(*within, name))
    resolved = dict(schema)
    for part in resolved.pop("allOf", []):
        resolved = {**resolve(part, within=within), **resolved}
    if "properties" in resolved:
        resolved["properties"] = {name: resolve(part, within=within) for name, part in resolved["properties"].items()}
    if "items" in resolved:
        resolved["items"] = resolve(resolved["items"], within=within)
    return resolved


def _operation(path: str, method: str, described: dict[str, Any]) -> Operation:
    content = described.get("requestBody", {}).get("content", {})
    parameters = described.get("parameters", [])
    return Operation(
        id=described["operationId"],
        method=method,
        path=path,
        body=resolve(content["application/json"]["schema"]) if "application/json" in content else None,
        query={part["name"]: resolve(part["schema"]) for part in parameters if part["in"] == "query"},
        path_parameters={part["name"]: resolve(part["schema"]) for part in parameters if part["in"] == "path"},
        success=_successes(described["responses"]),
        secured=bool(described.get("security")),
    )


def _successes(responses: dict[str, Any]) -> frozenset[int]:
    """The statuses of 200 to 299 that are named; all of them where a range is, as in `2XX`."""
    named = [status for status in responses if status.startswith("2")]
    return frozenset(range(200, 300)) if any(not one.isdigit() for one in named) else frozenset(map(int, named))
