"""The WSGI entry point: `granian --interface wsgi config.wsgi:application`."""

import os

from django.core.wsgi import get_wsgi_application

from config.env import settings_module
from keystone.api.charset import utf8_only

os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings_module("production"))
application = utf8_only(get_wsgi_application())
