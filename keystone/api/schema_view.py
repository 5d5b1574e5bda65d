"""`GET /api/schema/`, cached because it is the same for everybody and costly."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings

from keystone.caching.views import cached


class SchemaView(SpectacularAPIView):
    """drf-spectacular's view, which caches its responses to known query parameters."""

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return the schema. Unknown parameters don't change it and must not fill the cache."""
        usual = {
            "lang": [code for code, _name in settings.LANGUAGES],
            "version": api_settings.ALLOWED_VERSIONS or [],
            "format": [renderer.format for renderer in self.renderer_classes],
        }
        asked = request.query_params.lists()
        if all(len(values) == 1 and values[0] in usual.get(name, ()) for name, values in asked):
            return self._kept(request, *args, **kwargs)
        return self._made(request, *args, **kwargs)

    @cached(expire=3600, public=True, local=True)  # it depends only on the code, which may be newer in another process
    def _kept(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self._made(request, *args, **kwargs)

    def _made(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response: Response = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]  # it has no types
        return response


SchemaView.__doc__ = SpectacularAPIView.__doc__
