"""The OpenAPI schema: what drf-spectacular cannot infer."""

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
    """A body whose unknown keys are refused says so, to those who generate clients from the schema."""

    target_class = "keystone.api.serializers.StrictSerializer"
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        """The body's schema, closed."""
        schema: dict[str, Any] = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        return schema | {"additionalProperties": False} if direction == "request" else schema


class OptionalFilters(DjangoFilterExtension):
    """A filter without a value counts as not given, as forms send it."""

    target_class = "keystone.api.filters.AllowedFilters"
    priority = 1

    def get_schema_operation_parameters(self, auto_schema: Any, *args: Any, **kwargs: Any) -> list[dict[str, Any]]:
        """The filters as query parameters."""
        parameters: list[dict[str, Any]] = DjangoFilterExtension.get_schema_operation_parameters(
            self, auto_schema, *args, **kwargs
        )
        return [parameter | {"allowEmptyValue": True} for parameter in parameters]


def finish(result: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Give every operation the error envelope as its default answer, and a summary, and suit generated clients."""
    suit_clients(result)
    result.setdefault("components", {}).setdefault("schemas", {})["Error"] = ERROR
    answer = {
        "description": "The error, in the envelope that all errors have.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }
    for operations in result.get("paths", {}).values():
        for operation in operations.values():
            operation["responses"]["default"] = answer
            # The first line of a docstring is what the lists of operations show.
            summary, _, rest = operation.get("description", "").partition("\n")
            operation.setdefault("summary", summary.rstrip("."))
            operation["description"] = rest.strip() or summary
    return result
