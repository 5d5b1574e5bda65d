"""The application with production's pool of connections: to connect each time costs more than the rest of `me/`."""

from django.conf import settings
from django.core.wsgi import get_wsgi_application

settings.DATABASES["default"]["OPTIONS"]["pool"] = {"min_size": 2, "max_size": 16, "timeout": 5}
application = get_wsgi_application()
