"""The JSON of responses."""

import json
import uuid
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.utils.translation import gettext_lazy
from rest_framework.renderers import JSONRenderer

from keystone.api.renderers import FastJSONRenderer


def test_the_json_means_what_drfs_means() -> None:
    for data in (
        {"name": "Zoë", "none": None, "list": [1, 2.5, True], 3: "a key that is a number"},
        [datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC), Decimal("1.50"), uuid.UUID(int=1)],
        gettext_lazy("Active"),
        {"large": 2**70},  # which orjson cannot write
        "line\u2028separator",
    ):
        assert json.loads(FastJSONRenderer().render(data)) == json.loads(JSONRenderer().render(data))


def test_it_is_indented_on_request_and_empty_without_data() -> None:
    assert FastJSONRenderer().render({"a": 1}, "application/json; indent=2") == b'{\n  "a": 1\n}'
    assert FastJSONRenderer().render({"a": 1}) == b'{"a":1}'
    assert FastJSONRenderer().render(None) == b""


def test_what_is_not_json_is_refused() -> None:
    with pytest.raises(TypeError):
        FastJSONRenderer().render({"a": object()})
    with pytest.raises(ValueError, match="JSON compliant"):
        JSONRenderer().render(float("nan"))
    assert FastJSONRenderer().render(float("nan")) == b"null"
