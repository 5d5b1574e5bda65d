"""The schema is made once for each form in which it is asked for, and for nothing that is made up."""

import re

import pytest
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

pytestmark = pytest.mark.django_db


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A line for each time that it was made."""
    lines: list[str] = []
    make = SchemaGenerator.get_schema

    def counted(self: SchemaGenerator, *args: object, **kwargs: object) -> object:
        lines.append("made")
        return make(self, *args, **kwargs)  # type: ignore[no-untyped-call]  # it has no types

    monkeypatch.setattr(SchemaGenerator, "get_schema", counted)
    return lines


def test_the_schema_is_made_once(client: Client, made: list[str]) -> None:
    accept = {"Accept": "application/json"}
    client.get("/api/schema/", headers=accept)
    made.clear()
    answer = client.get("/api/schema/", headers=accept)
    assert re.fullmatch(r"max-age=\d+, public|public, max-age=\d+", answer.headers["Cache-Control"])
    assert answer.json()["openapi"].startswith("3.")
    again = client.get("/api/schema/", headers={**accept, "If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert made == []


@pytest.mark.parametrize("query", ["x=1", "lang=xx", "version=9", "lang=en&lang=en"])
def test_made_up_parameters_fill_no_cache(client: Client, made: list[str], query: str) -> None:
    answers = [client.get(f"/api/schema/?{query}", headers={"Accept": "application/json"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [answer.headers["Cache-Control"] for answer in answers] == ["no-store"] * 2
    assert made == ["made"] * 2
