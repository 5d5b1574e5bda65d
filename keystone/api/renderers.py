"""The JSON of responses."""

from collections.abc import Mapping
from typing import Any

import orjson
from rest_framework.renderers import JSONRenderer
from rest_framework.utils.encoders import JSONEncoder

_default = JSONEncoder().default
OPTIONS = (
    orjson.OPT_NON_STR_KEYS  # as the standard library does
    | orjson.OPT_PASSTHROUGH_DATETIME  # formatted by DRF's encoder
    | orjson.OPT_PASSTHROUGH_DATACLASS  # refused, as by DRF's encoder
)


class FastJSONRenderer(JSONRenderer):
    """DRF's renderer by orjson. What orjson cannot write, such as integers of more than 64 bits, is left to DRF."""

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        """Return the JSON in UTF-8, indented if the media type asks for it."""
        if data is not None and self.get_indent(accepted_media_type or "", renderer_context or {}) is None:
            try:
                return orjson.dumps(data, default=_default, option=OPTIONS)
            except orjson.JSONEncodeError:
                pass
        rendered: bytes = super().render(data, accepted_media_type, renderer_context)
        return rendered
