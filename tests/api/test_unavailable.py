"""Where the database takes nothing for now, whoever asks is told when to come again, as a program or as a person."""

from collections.abc import Iterator

import pytest
from django.db import connection
from django.test import Client

BODY = {"email": "ann@example.com", "password": "a good long one", "first_name": "Ann"}


@pytest.fixture
def only_copies(transactional_db: None) -> Iterator[None]:
    """The database takes no writes, as one that was the primary until a moment ago."""
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
    yield
    with connection.cursor() as cursor:
        cursor.execute("RESET default_transaction_read_only")


@pytest.mark.usefixtures("only_copies")
def test_programs_are_answered_by_an_envelope() -> None:
    answer = Client().post("/api/auth/register/", BODY, content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "5"


@pytest.mark.usefixtures("only_copies")
def test_people_are_answered_by_a_page() -> None:
    client = Client(raise_request_exception=False)
    answer = client.post("/reset-password/", {"email": "ann@example.com"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "<h1>Not available at the moment</h1>" in answer.content.decode()
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert answer.headers["X-Request-ID"]
