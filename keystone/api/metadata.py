"""Responses to `OPTIONS`: the methods that the caller may use, and the fields of each."""

import copy
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from drf_spectacular.plumbing import force_instance, get_class
from rest_framework import exceptions, serializers
from rest_framework.metadata import SimpleMetadata
from rest_framework.request import Request, clone_request

from keystone.exceptions import Refusal

WITH_A_BODY = ("POST", "PUT", "PATCH")


class RequestMetadata(SimpleMetadata):
    """DRF's metadata, with each method described by the fields of its request, as in the schema."""

    def determine_metadata(self, request: Request, view: Any) -> dict[str, Any]:
        """Return the view's name, description and media types, and the fields of each method."""
        found: dict[str, Any] = super().determine_metadata(request, view)
        found.pop("actions", None)
        actions = self.determine_actions(request, view)
        return found | {"actions": actions} if actions else found

    def determine_actions(self, request: Request, view: Any) -> dict[str, Any]:
        """Return the fields of each method that the caller may use; empty for a method without a body."""
        actions = {}
        for method in WITH_A_BODY:
            if method in view.allowed_methods:
                asked = _as_if(view, clone_request(request, method), method)
                try:
                    asked.check_permissions(asked.request)
                except (exceptions.APIException, PermissionDenied, Http404, Refusal):
                    continue
                serializer = _request_serializer(asked, method)
                actions[method] = self.get_serializer_info(serializer) if hasattr(serializer, "fields") else {}
        return actions

    def get_serializer_info(self, serializer: Any) -> dict[str, Any]:
        """Return the writable fields."""
        fields: dict[str, Any] = super().get_serializer_info(serializer)
        return {name: field for name, field in fields.items() if not field.get("read_only")}


def _as_if(view: Any, request: Request, method: str) -> Any:
    """Return a copy of the view, set up to handle the request."""
    asked = copy.copy(view)
    asked.request = request
    if hasattr(view, "action_map"):
        asked.action = view.action_map.get(method.lower())
    return asked


def _request_serializer(view: Any, method: str) -> Any:
    """Return the method's request serializer according to the schema: an instance, or None."""
    handler = getattr(view, getattr(view, "action", None) or method.lower())
    declared = getattr(handler, "kwargs", {}).get("schema")
    if declared is None and not hasattr(view, "get_serializer"):
        return None
    kind = get_class(declared or type(view).schema)
    if not hasattr(kind, "get_request_serializer"):  # a view that is excluded from the schema
        return view.get_serializer()
    schema = kind()
    schema.view, schema.method = view, method
    taken = schema.get_request_serializer()
    if isinstance(taken, Mapping):  # by media type
        taken = next(iter(taken.values()), None)
    taken = force_instance(taken)
    if isinstance(taken, serializers.ListSerializer):
        taken = taken.child
    return taken
