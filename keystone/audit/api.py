"""The API of the audit log."""

import re
from typing import ClassVar

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers, viewsets

from keystone.actors.actor import ActorKind
from keystone.api.converters import AnyCaseUUIDConverter
from keystone.api.filters import AllowedFilters, MomentFilter
from keystone.api.permissions import StaffWithPermission
from keystone.api.serializers import RowSerializer
from keystone.audit.models import AuditEvent
from keystone.audit.reading import COLUMNS

UUID = re.compile(AnyCaseUUIDConverter.regex)


class AuditEventSerializer(RowSerializer[AuditEvent]):
    """An audit event."""

    actor = serializers.UUIDField(source="actor_id", allow_null=True, read_only=True)
    changes = serializers.DictField(help_text="For each changed field, what it was and what it is.", read_only=True)

    class Meta:
        model = AuditEvent
        fields: ClassVar = tuple(name.removesuffix("_id") if name == "actor_id" else name for name in COLUMNS)
        read_only_fields = fields


class AuditEventFilter(django_filters.FilterSet):
    """The filters of audit events."""

    action = django_filters.CharFilter()
    actor = django_filters.UUIDFilter(field_name="actor_id")
    actor_kind = django_filters.ChoiceFilter(choices=ActorKind.choices)
    target_type = django_filters.CharFilter()
    target_id = django_filters.CharFilter(method="filter_target")
    request_id = django_filters.CharFilter()
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = AuditEvent
        fields = ()

    def filter_target(self, queryset: QuerySet[AuditEvent], _name: str, value: str) -> QuerySet[AuditEvent]:
        """Filter by the target's id as text. A UUID may be in upper case."""
        return queryset.filter(target_id__in={value, value.lower() if UUID.fullmatch(value) else value})


@extend_schema(tags=["audit"])
@extend_schema_view(
    list=extend_schema(operation_id="audit_list"), retrieve=extend_schema(operation_id="audit_retrieve")
)
class AuditEventViewSet(viewsets.ReadOnlyModelViewSet[AuditEvent]):
    """Audit events, newest first."""

    queryset = AuditEvent.objects.all()
    serializer_class = AuditEventSerializer
    permission_classes = (StaffWithPermission,)
    permissions_by_action: ClassVar = {
        "list": "keystone.view_auditevent",
        "retrieve": "keystone.view_auditevent",
    }
    filter_backends = (AllowedFilters,)
    filterset_class = AuditEventFilter
    sort_columns: ClassVar = {"created_at": "created_at"}
    default_ordering = "-created_at"
    lookup_value_converter = "int"
