"""The ASGI entry point, for those who need it. It was measured to cost sync DRF two to three times the CPU."""

import os

import django
from django.core.handlers.asgi import ASGIHandler

from keystone.api.charset import utf8_only_asgi
from keystone.environment.env import settings_module
from keystone.monitoring import health
from keystone.observability import telemetry

os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings_module("production"))
django.setup(set_prefix=False)
telemetry.start("web")
health.prepare()
application = utf8_only_asgi(ASGIHandler())
