"""The application with production's pool of connections: to connect each time costs more than the rest of `me/`.

TEST_POOL, as JSON, says what of it is otherwise.
"""

import json
import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.utils.module_loading import import_string

from keystone.monitoring import health

pool = import_string("keystone.settings.database_pool.POOL") | json.loads(os.environ.get("TEST_POOL", "{}"))
settings.DATABASES["default"]["OPTIONS"]["pool"] = pool
application = get_wsgi_application()
health.prepare()
