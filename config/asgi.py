"""The ASGI entry point: for those who need ASGI; measured, it costs sync DRF two to three times the CPU."""

import os

from django.core.asgi import get_asgi_application

from config.env import settings_module

os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings_module("production"))
application = get_asgi_application()
