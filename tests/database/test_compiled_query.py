"""Queries that are compiled once."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
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
