"""The application with an address that fails, and quotes what it was sent."""

from django.conf import settings
from django.core.wsgi import get_wsgi_application

settings.ROOT_URLCONF = "tests.faults.urls"
application = get_wsgi_application()
