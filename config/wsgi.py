"""The WSGI entry point: `granian --interface wsgi config.wsgi:application`."""

import os

import django
from django.core.handlers.wsgi import WSGIHandler

from keystone import telemetry
from keystone.api.charset import utf8_only
from keystone.environment.env import settings_module

os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings_module("production"))
# As `get_wsgi_application` does, with something in between: traces add a middleware, before the handler loads them.
django.setup(set_prefix=False)
telemetry.start("web")
application = utf8_only(WSGIHandler())
