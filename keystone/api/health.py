"""Health for orchestrators: live says that the process answers, ready that it can work."""

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

READY = inline_serializer(
    "Ready",
    {"status": serializers.CharField(), "checks": serializers.DictField(child=serializers.CharField())},
)


class LiveView(APIView):
    """The process answers. Nothing else is looked at: a restart would not mend a database."""

    authentication_classes = ()
    permission_classes = ()

    @extend_schema(
        operation_id="health_live",
        tags=["health"],
        responses=inline_serializer("Live", {"status": serializers.CharField()}),
        auth=[],
    )
    def get(self, request: Request) -> Response:
        """Answer 200."""
        return Response({"status": "ok"})


class ReadyView(APIView):
    """The database answers and every migration is applied: 200, else 503."""

    authentication_classes = ()
    permission_classes = ()

    @extend_schema(operation_id="health_ready", tags=["health"], responses={200: READY, 503: READY}, auth=[])
    def get(self, request: Request) -> Response:
        """Answer 200 or 503, with each check's result."""
        checks = readiness()
        ready = all(result == "ok" for result in checks.values())
        return Response({"status": "ok" if ready else "unavailable", "checks": checks}, status=200 if ready else 503)


def readiness() -> dict[str, str]:
    """Each check with `ok` or what is wrong. Nothing of the fault's text is told: it may name hosts."""
    try:
        executor = MigrationExecutor(connection)
        unapplied = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    except DatabaseError:
        return {"database": "unreachable", "migrations": "unknown"}
    return {"database": "ok", "migrations": f"{unapplied} unapplied" if unapplied else "ok"}
