"""Rows in responses: as DRF represents them, without its fields."""

from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest
from rest_framework import serializers

from keystone.accounts.api.serializers import MeSerializer, UserSerializer
from keystone.accounts.models import User
from keystone.actors.actor import Actor
from keystone.api.serializers import RowSerializer, _plain_columns
from keystone.audit.api import AuditEventSerializer
from keystone.audit.log import event, record
from keystone.audit.models import AuditEvent
from keystone.observability.origin import origin
from keystone.testing.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("kind", [MeSerializer, UserSerializer])
def test_a_row_is_what_drf_makes_of_it(kind: type[RowSerializer[User]]) -> None:
    class ByDRF(serializers.ModelSerializer[User]):
        class Meta(kind.Meta):  # type: ignore[name-defined]  # DRF's
            pass

    ann = UserFactory(last_login=datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC))
    ann.refresh_from_db()
    assert _plain_columns(kind) is not None
    assert kind(ann).data == ByDRF(ann).data
    assert kind([ann], many=True).data == ByDRF([ann], many=True).data


def test_an_audit_event_is_what_drf_makes_of_it() -> None:
    class ByDRF(serializers.ModelSerializer[AuditEvent]):
        actor = serializers.UUIDField(source="actor_id", allow_null=True, read_only=True)
        changes = serializers.DictField(read_only=True)

        class Meta(AuditEventSerializer.Meta):
            pass

    change = event("user.changed", UserFactory(), by=Actor.system(), changes={"first_name": ["Ann", "Anna"]})
    with origin(request_id="a" * 32, ip_address="192.0.2.1"):
        record([change])
    found = AuditEvent.objects.get(action="user.changed")
    assert _plain_columns(AuditEventSerializer) is not None
    assert AuditEventSerializer(found).data == ByDRF(found).data


def test_a_serializer_with_another_field_is_represented_by_drf() -> None:
    class WithInitials(MeSerializer):
        initials = serializers.SerializerMethodField()

        class Meta(MeSerializer.Meta):
            fields: ClassVar = (*MeSerializer.Meta.fields, "initials")  # type: ignore[assignment]  # longer

        def get_initials(self, user: User) -> str:
            return user.first_name[:1] + user.last_name[:1]

    ann: Any = UserFactory(first_name="Ann", last_name="Smith")
    assert _plain_columns(WithInitials) is None
    assert WithInitials(ann).data == {**MeSerializer(ann).data, "initials": "AS"}
