"""Health checks for orchestrators: live means that the process responds, ready that it can serve requests."""

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from keystone.monitoring.health.readiness import readiness

READY = inline_serializer(
    "Ready",
    {
        "status": serializers.ChoiceField(["ok", "degraded", "unavailable"]),
        "checks": serializers.DictField(child=serializers.CharField()),
    },
)


class LiveView(APIView):
    """The process responds. Nothing else is checked: a restart would not repair a database."""

    authentication_classes = ()
    permission_classes = ()

    @extend_schema(
        operation_id="health_live",
        tags=["health"],
        responses=inline_serializer("Live", {"status": serializers.CharField()}),
        auth=[],
    )
    def get(self, request: Request) -> Response:
        """Respond with 200."""
        return Response({"status": "ok"})


class ReadyView(APIView):
    """The database responds, has disk space, and is migrated: 200, otherwise 503."""

    authentication_classes = ()
    permission_classes = ()

    @extend_schema(operation_id="health_ready", tags=["health"], responses={200: READY, 503: READY}, auth=[])
    def get(self, request: Request) -> Response:
        """Respond with 200 or 503, and the result of each check.

        Faults of mail, workers, schedulers, the queue and the cache make the status `degraded`, which is a 200, because
        requests are served.
        """
        found = readiness()
        return Response({"status": found.status, "checks": found.checks}, status=200 if found.is_ready else 503)
