"""The parts of the OpenAPI schema that drf-spectacular can't infer."""

from typing import Any

from drf_spectacular.authentication import SessionScheme
from drf_spectacular.contrib.django_filters import DjangoFilterExtension
from drf_spectacular.contrib.rest_framework_simplejwt import SimpleJWTScheme
from drf_spectacular.extensions import OpenApiSerializerExtension

from keystone.api.schema_clients import suit_clients

ERROR = {
    "type": "object",
    "description": "How every error looks.",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "fields", "request_id"],
            "properties": {
                "code": {
                    "type": "string",
                    "description": "A stable word for programs.",
                    "example": "invalid",
                },
                "message": {"type": "string", "description": "A sentence for people."},
                "fields": {
                    "type": "object",
                    "additionalProperties": {},
                    "description": "What is wrong, field by field.",
                },
                "request_id": {"type": "string", "description": "Names the request in the logs."},
            },
        }
    },
}


class SessionTokenScheme(SimpleJWTScheme):
    """The access token in the Authorization header."""

    target_class = "keystone.sessions.authentication.SessionTokenAuthentication"
    name = "accessToken"
    priority = 1


class BrowserSessionScheme(SessionScheme):
    """The cookie of the browsable API."""

    target_class = "keystone.sign_in.browser_authentication.BrowserSessionAuthentication"


class StrictBody(OpenApiSerializerExtension):
    """Marks request bodies that refuse unknown keys, for client generators."""

    target_class = "keystone.api.serializers.StrictSerializer"
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        """Return the serializer's schema; for requests, without additional properties."""
        schema: dict[str, Any] = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        return schema | {"additionalProperties": False} if direction == "request" else schema


class OptionalFilters(DjangoFilterExtension):
    """Marks filters as optional: a filter without a value, as forms send it, is ignored."""

    target_class = "keystone.api.filters.AllowedFilters"
    priority = 1

    def get_schema_operation_parameters(self, auto_schema: Any, *args: Any, **kwargs: Any) -> list[dict[str, Any]]:
        """Return the filters as query parameters."""
        parameters: list[dict[str, Any]] = DjangoFilterExtension.get_schema_operation_parameters(
            self, auto_schema, *args, **kwargs
        )
        return [parameter | {"allowEmptyValue": True} for parameter in parameters]


def finish(result: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Add the error envelope and a summary to every operation, and adapt the schema for client generators."""
    suit_clients(result)
    result.setdefault("components", {}).setdefault("schemas", {})["Error"] = ERROR
    answer = {
        "description": "The error, in the envelope that all errors have.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }
    for operations in result.get("paths", {}).values():
        for operation in operations.values():
            operation["responses"]["default"] = answer
            # Lists of operations show the first line of the docstring.
            summary, _, rest = operation.get("description", "").partition("\n")
            operation.setdefault("summary", summary.rstrip("."))
            operation["description"] = rest.strip() or summary
    return result
