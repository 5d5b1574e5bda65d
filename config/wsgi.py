"""The WSGI entry point: `granian --interface wsgi config.wsgi:application`."""

import os

import django
from django.core.handlers.wsgi import WSGIHandler

from keystone.api.charset import utf8_only
from keystone.environment.env import settings_module
from keystone.monitoring import health
from keystone.observability import telemetry

os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings_module("production"))
# Like `get_wsgi_application()`, but traces add a middleware before the handler loads them.
django.setup(set_prefix=False)
telemetry.start("web")
health.prepare()
application = utf8_only(WSGIHandler())
