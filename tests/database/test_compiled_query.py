"""Queries that are compiled once."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import NotSupportedError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from keystone.database.compiled_query import CompiledQuery
from keystone.sessions.models import Session
from keystone.testing.factories import UserFactory

pytestmark = pytest.mark.django_db
QUERY = CompiledQuery(
    lambda key, user: Session.objects.live().select_related("user").filter(user_id=user, pk=key),
    uuid.UUID(int=1),
    uuid.UUID(int=2),
)


def open_session(**fields: Any) -> Session:
    later = timezone.now() + timedelta(hours=1)
    return Session.objects.create(user=UserFactory(), refresh_digest="0" * 64, expires_at=later, **fields)


def test_a_row_is_that_of_the_queryset_with_one_statement() -> None:
    session = open_session(spent={"digest": 1.5})
    for _twice in range(2):
        with CaptureQueriesContext(connection) as queries:
            found = QUERY.get(session.pk, session.user_id)
            assert found is not None
            assert found.user.email == session.user.email
        assert len(queries) == 1
        expected = Session.objects.select_related("user").get(pk=session.pk)
        assert (found, found.user) == (expected, expected.user)
        for field in Session._meta.concrete_fields:
            assert getattr(found, field.attname) == getattr(expected, field.attname)
        for field in type(found.user)._meta.concrete_fields:
            assert getattr(found.user, field.attname) == getattr(expected.user, field.attname)
        assert found._state.adding is False


def test_the_parameters_are_told_apart() -> None:
    session = open_session()
    assert QUERY.get(session.user_id, session.pk) is None
    assert QUERY.get(session.pk, uuid.uuid4()) is None


@pytest.mark.django_db(transaction=True)
def test_where_it_may_the_statement_is_prepared_and_survives_a_change_of_a_column(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = open_session()
    prepared = "SELECT count(*) FROM pg_prepared_statements"
    with connection.cursor() as cursor:
        for threshold, expected in ((None, 0), (2**31, 1)):
            monkeypatch.setattr(connection.connection, "prepare_threshold", threshold)
            for _twice in range(2):
                assert QUERY.get(session.pk, session.user_id) == session
            cursor.execute(prepared)
            assert cursor.fetchone() == (expected,)
        other = connection.copy()  # psycopg forgets what it has prepared if the same connection alters a table
        try:
            alter(other, 49)
            with transaction.atomic(), pytest.raises(NotSupportedError):  # nothing can be done in a transaction
                QUERY.get(session.pk, session.user_id)
            for _twice in range(2):
                assert QUERY.get(session.pk, session.user_id) == session
            cursor.execute(prepared)
            assert cursor.fetchone() == (1,)
        finally:
            alter(other, 48)
            other.close()


def alter(other: Any, length: int) -> None:
    """A migration that changes the type of a column, in another process."""
    with other.cursor() as cursor:
        cursor.execute(f"ALTER TABLE keystone_user ALTER COLUMN approval_flow TYPE varchar({length})")
