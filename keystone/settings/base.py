"""The settings that all environments share; `local`, `testing` and `production` contain the differences.

`config/settings/` imports them and changes them for a project.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

from django.utils.csp import CSP
from django.utils.translation import gettext_lazy as _

from keystone.environment import env
from keystone.settings.approval_and_retention import UPKEEP
from keystone.settings.cache import *  # Redis, or each process's memory
from keystone.settings.database_pool import POOL
from keystone.settings.logs import *  # ENVIRONMENT, the log, and Sentry
from keystone.settings.mail import *  # SMTP, or a provider
from keystone.settings.monitoring import *  # metrics and traces
from keystone.settings.passwords import AUTH_PASSWORD_VALIDATORS, PASSWORD_HASHERS  # noqa: F401 - settings
from keystone.settings.unfold import UNFOLD  # noqa: F401 - a setting: the look of the admin

BASE_DIR = env.BASE_DIR
DATA_DIR = env.data_folder()
IS_SERVER = ENVIRONMENT in env.SERVERS

DEBUG = False
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", [])
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS", [])  # older keys that are still valid during key rotation
PROJECT_NAME = env.project_name()
ENVIRONMENT_VARIABLES = (
    "keystone.environment.variable_finder.environment"  # describes the variables to `manage.py server`
)
SERVER_LOG_CONFIG = Path(__file__).parents[1] / "server" / "granian_logs.json"

# -- Applications -------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "keystone",
    "unfold.apps.BasicAppConfig",  # without its own site
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "keystone.admin.apps.KeystoneAdminConfig",  # django.contrib.admin, with our site
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "corsheaders",
    "django_otp",
    "django_typer",
    "procrastinate.contrib.django",
    "django_apscheduler",
    "anymail",
]
if ENVIRONMENT == "testing":
    INSTALLED_APPS += env.words("TEST_APPS", [])  # for processes that tests start

MIDDLEWARE = [
    "keystone.monitoring.metrics.middleware.MetricsMiddleware",  # first, to see all responses and their times
    # Middleware that adds headers comes first, so that the responses of the middleware below have them, too.
    "keystone.api.middleware.RequestContextMiddleware",
    "keystone.observability.logs.access.AccessLogMiddleware",
    "keystone.api.middleware.ContentSecurityPolicyMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "keystone.api.middleware.WellFormedMiddleware",
    "keystone.api.body_limit.BodyLimitMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # Django's, but for requests of the API that carry a bearer token: they have neither cookies nor pages.
    "keystone.sign_in.browser_middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "keystone.sign_in.browser_middleware.AuthenticationMiddleware",
    "keystone.sign_in.browser_middleware.OTPMiddleware",
    "keystone.sign_in.browser_middleware.MessageMiddleware",
    "keystone.api.middleware.RefusalMiddleware",
]
if ENVIRONMENT == "local":
    MIDDLEWARE.append("keystone.development.schema_hint.SchemaHintMiddleware")  # reports a forgotten migration

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.csp",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# -- Data --------------------------------------------------------------------------------------------------------
DATABASES: dict[str, dict[str, Any]]
if not env.names_a_database() and ENVIRONMENT in {"local", "testing"}:
    # PostgreSQL 18 from a wheel, started at the first connection. Tests have their own server: they can't touch the
    # developer's data, and don't wait for the disk.
    DATABASES = {
        "default": {
            "ENGINE": "keystone.environment.embedded_postgres",
            "NAME": "keystone",
            "EMBEDDED_NAME": "keystone",  # created with the server; the test database is copied from it
            "TEST": {"TEMPLATE": "keystone"},
            "OPTIONS": {},
            "DATA_FOLDER": DATA_DIR / ("postgres-testing" if ENVIRONMENT == "testing" else "postgres"),
            "FSYNC": ENVIRONMENT != "testing",
        }
    }
else:
    DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", **env.database()}}
if IS_SERVER:
    DATABASES["default"]["OPTIONS"].setdefault("pool", POOL)
    if not DATABASES["default"].get("DISABLE_SERVER_SIDE_CURSORS"):  # a connection is not shared by transactions
        # `CompiledQuery` asks for prepared statements; nothing else is prepared, however often it runs.
        DATABASES["default"]["OPTIONS"].setdefault("prepare_threshold", 2**31)
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DATABASES["default"]["ATOMIC_REQUESTS"] = False  # the functions that change data open transactions
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# -- People and passwords ----------------------------------------------------------------------------------------
AUTH_USER_MODEL = "keystone.User"
AUTHENTICATION_BACKENDS = ["keystone.accounts.backends.EmailBackend"]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "/docs/"
# `manage.py server prestart` creates this user if there is no superuser.
FIRST_SUPERUSER = env.line("FIRST_SUPERUSER", "")
FIRST_SUPERUSER_PASSWORD = env.text("FIRST_SUPERUSER_PASSWORD", "")

KEYSTONE: dict[str, Any] = {
    "PROJECT_NAME": PROJECT_NAME,
    "DEFAULT_USER_APPROVAL_FLOW": env.text("DEFAULT_USER_APPROVAL_FLOW", "email_verification_and_admin_approval"),
    "PUBLIC_URL": env.url("PUBLIC_URL", "" if IS_SERVER else "http://localhost:8000"),
    "FRONTEND_URL": env.url("FRONTEND_URL", ""),
    "SUPPORT_EMAIL": env.line("SUPPORT_EMAIL", ""),
    "EMAIL_VERIFICATION_LIFETIME": timedelta(
        hours=env.number("EMAIL_VERIFICATION_TOKEN_EXPIRY_IN_HOURS", 72, minimum=1)
    ),
    "PASSWORD_RESET_LIFETIME": timedelta(minutes=env.number("PASSWORD_RESET_TOKEN_EXPIRY_IN_MINUTES", 30, minimum=1)),
    "EMAIL_REVERT_LIFETIME": timedelta(days=env.number("EMAIL_REVERT_TOKEN_EXPIRY_IN_DAYS", 7, minimum=1)),
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=env.number("ACCESS_TOKEN_EXPIRE_MINUTES", 10, minimum=1)),
    "SESSION_LIFETIME": timedelta(days=env.number("SESSION_EXPIRE_DAYS", 30, minimum=1)),
    "ATTEMPT_WINDOW": timedelta(minutes=env.number("ATTEMPT_WINDOW_MINUTES", 15, minimum=1)),
    "ATTEMPTS_PER_ADDRESS_AND_IP": env.number("ATTEMPTS_PER_ADDRESS_AND_IP", 5, minimum=1),
    "ATTEMPTS_PER_ADDRESS": env.number("ATTEMPTS_PER_ADDRESS", 20, minimum=1),
    "ATTEMPTS_PER_IP": env.number("ATTEMPTS_PER_IP", 100, minimum=1),
    "ATTEMPTS_PER_CODE_WINDOW": env.number("CODE_ATTEMPTS_PER_DAY", 20, minimum=1),
    "REQUESTS_PER_IP": env.number("REQUESTS_PER_IP", 100, minimum=1),
    "CHANGES_PER_PERSON": env.number("CHANGES_PER_PERSON", 60, minimum=1),
    "PASSWORD_HASHING_PARALLEL": env.number("PASSWORD_HASHING_PARALLEL", 2, minimum=1),
    "PASSWORD_HASHING_WAITING": env.number("PASSWORD_HASHING_WAITING", 100),
    "TWO_FACTOR_REQUIRED": env.flag("TWO_FACTOR_REQUIRED", default=IS_SERVER),
    "TRUSTED_PROXIES": env.number("TRUSTED_PROXIES", 0, maximum=10),
    **UPKEEP,
    **MONITORING,
}

if ENVIRONMENT == "testing" and env.text("TEST_MAIL_RETRY_SECONDS", ""):
    KEYSTONE["MAIL_RETRY_AFTER"] = timedelta(seconds=env.number("TEST_MAIL_RETRY_SECONDS", 10, minimum=1))

# -- API ---------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "keystone.sessions.authentication.SessionTokenAuthentication",
        "keystone.sign_in.browser_authentication.BrowserSessionAuthentication",  # the browsable API
    ],
    "DEFAULT_THROTTLE_CLASSES": ["keystone.accounts.api.throttling.OwnChangesThrottle"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": [
        "keystone.api.renderers.FastJSONRenderer",
        "keystone.api.browsable.BrowsableAPIRenderer",
    ],
    "DEFAULT_PARSER_CLASSES": ["keystone.api.parsers.StrictJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "keystone.api.pagination.KeysetPagination",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_METADATA_CLASS": "keystone.api.metadata.RequestMetadata",
    "EXCEPTION_HANDLER": "keystone.api.errors.envelope_handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "ALLOWED_VERSIONS": ["1.0.0"],  # otherwise any `?version=` would appear in the file name, in a header
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": KEYSTONE["ACCESS_TOKEN_LIFETIME"],
    "REFRESH_TOKEN_LIFETIME": KEYSTONE["SESSION_LIFETIME"],
    "AUTH_TOKEN_CLASSES": ["keystone.sessions.tokens.AccessToken"],
    "USER_ID_CLAIM": "sub",  # RFC 7519, section 4.1.2
    "ISSUER": "keystone",
    "AUDIENCE": "keystone-api",
}
SPECTACULAR_SETTINGS = {
    "TITLE": PROJECT_NAME,
    "DESCRIPTION": "Registration, email verification, admin approval, sessions, people and the audit log.",
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/",
    "COMPONENT_SPLIT_REQUEST": True,
    "PATH_CONVERTER_OVERRIDES": {"anycase_uuid": {"type": "string", "format": "uuid"}},
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "keystone.api.schema.finish",
    ],
    "ENUM_NAME_OVERRIDES": {
        "Status": "keystone.accounts.status.Status",
        "ApprovalFlow": "keystone.accounts.status.ApprovalFlow",
    },
    "TAGS": [
        {"name": "auth", "description": "Registering, proving an address, signing in."},
        {"name": "me", "description": "One's own account."},
        {"name": "users", "description": "People, for staff with the permission of what they ask for."},
        {"name": "audit", "description": "What happened, who did it, when and why."},
        {"name": "health", "description": "For orchestrators and load balancers."},
    ],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"persistAuthorization": True, "displayRequestDuration": True},
    "REDOC_DIST": "SIDECAR",
}

# -- Tasks, language, time, files --------------------------------------------------------------------------------
# In tests, tasks run immediately when they are enqueued; with TEST_TASKS=queue, a worker runs them.
_IS_IMMEDIATE = ENVIRONMENT == "testing" and env.choice("TEST_TASKS", "immediate", ("immediate", "queue")) != "queue"
_TASKS = "immediate.ImmediateBackend" if _IS_IMMEDIATE else "backend.ProcrastinateBackend"
TASKS: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": f"keystone.background.{_TASKS}",
        "QUEUES": ["default", "mail"],
    }
}

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English"))]
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
FORMAT_MODULE_PATH = ["keystone.settings.formats"]

STATIC_URL = "/static/"
STATIC_ROOT: Path | None = BASE_DIR / "staticfiles"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if IS_SERVER
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

# django-typer would give every process framed tracebacks, which are hard to search in logs.
DT_RICH_TRACEBACK_CONFIG = {"no_install": True}

# -- Hardening ---------------------------------------------------------------------------------------------------
SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF, CSP.NONCE],
    "style-src": [CSP.SELF, CSP.NONCE],
    "img-src": [CSP.SELF, "data:"],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "worker-src": [CSP.SELF, "blob:"],
    "form-action": [CSP.SELF],
    "base-uri": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
}
# Scripts of other sites are allowed from an exact list of origins, with their own token and never with cookies.
CORS_ALLOWED_ORIGINS = env.origins("BACKEND_CORS_ORIGINS")
CORS_URLS_REGEX = r"^/api/"
CORS_ALLOW_HEADERS = [
    *("accept", "accept-language", "authorization", "content-type", "x-request-id"),
    *("traceparent", "tracestate", "baggage", "sentry-trace"),  # tracing: W3C, OpenTelemetry, Sentry
    *env.header_names("BACKEND_CORS_HEADERS"),
]
CORS_EXPOSE_HEADERS = ["Content-Disposition", "Retry-After", "WWW-Authenticate", "X-Request-ID"]
WHITENOISE_ALLOW_ALL_ORIGINS = False
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_ENGINE = "keystone.sessions.browser_store"  # keys are stored as digests
MESSAGE_STORAGE = "keystone.sessions.browser_messages.MessageStorage"  # its cookie is named like the others
SESSION_COOKIE_HTTPONLY = True
CSRF_COOKIE_HTTPONLY = False
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
# "Select all" in the admin's queue posts one field per row of the page.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000
