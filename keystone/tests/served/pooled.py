"""The application with production's pool of connections: to connect each time costs more than the rest of `me/`."""

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.utils.module_loading import import_string

settings.DATABASES["default"]["OPTIONS"]["pool"] = import_string("config.database_pool.POOL")
application = get_wsgi_application()
