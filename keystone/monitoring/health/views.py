"""Health for orchestrators: live says that the process answers, ready that it can work."""

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
    """The database answers, has room, and has every migration: 200, else 503."""

    authentication_classes = ()
    permission_classes = ()

    @extend_schema(operation_id="health_ready", tags=["health"], responses={200: READY, 503: READY}, auth=[])
    def get(self, request: Request) -> Response:
        """Answer 200 or 503, with each check's result.

        Mail, workers, schedulers, the queue and the cache make it `degraded`, which is 200: requests are served.
        """
        found = readiness()
        return Response({"status": found.status, "checks": found.checks}, status=200 if found.is_ready else 503)
