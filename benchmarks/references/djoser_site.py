"""djoser with simplejwt and their defaults: the reference point that most Django projects start from.

Environment: DATABASE_URL (`postgresql://user@host:port/name`). WSGI application: `application`.
"""

import os
import sys
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

from django.conf import settings

_url = urlsplit(os.environ["DATABASE_URL"])

settings.configure(
    SECRET_KEY="x" * 50,
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "rest_framework",
        "djoser",
    ],
    MIDDLEWARE=[  # as startproject has them
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": _url.path[1:],
            "USER": _url.username,
            "PASSWORD": _url.password or "",
            "HOST": _url.hostname or parse_qs(_url.query)["host"][0],
            "PORT": _url.port or "",
            "CONN_MAX_AGE": 600,
        }
    },
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework_simplejwt.authentication.JWTAuthentication"],
        "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
        "DEFAULT_FILTER_BACKENDS": ["rest_framework.filters.SearchFilter"],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "PAGE_SIZE": 25,
    },
    SIMPLE_JWT={"ACCESS_TOKEN_LIFETIME": timedelta(hours=10)},
    DJOSER={"SEND_ACTIVATION_EMAIL": False},
    EMAIL_BACKEND="django.core.mail.backends.dummy.EmailBackend",
)

import django  # noqa: E402 - after the settings

django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402 - after `setup`
from django.urls import include, path  # noqa: E402 - after `setup`
from djoser.views import UserViewSet  # noqa: E402 - after `setup`

UserViewSet.search_fields = ["username", "email"]
urlpatterns = [path("auth/", include("djoser.urls")), path("auth/", include("djoser.urls.jwt"))]
application = get_wsgi_application()

if __name__ == "__main__":
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
