"""Mail settings: an SMTP server, or a provider's API."""

from email.headerregistry import Address

from django.core.exceptions import ImproperlyConfigured, ValidationError

from keystone import email_address
from keystone.environment import env
from keystone.settings.mail_providers import PROVIDERS

_TIMEOUT = 10  # seconds for each step; a mail as a whole has its own limit (see `keystone.mail.delivery`)

_NAME_LENGTH = 200  # characters


def sender(name: str, address: str) -> str:
    """Return the sender for a header, with quotes around the name if needed."""
    if len(name) > _NAME_LENGTH or "=?" in name:  # "=?" would begin an encoded word
        raise ImproperlyConfigured(
            f"EMAILS_FROM_NAME (else PROJECT_NAME) must have at most {_NAME_LENGTH} characters and no =?, not {name!r}."
        )
    try:
        email_address.normalize(address)
        address.rpartition("@")[0].encode("ascii")
        return str(Address(" ".join(name.split()), addr_spec=email_address.as_mailed(address)))
    except (ValidationError, ValueError):
        raise ImproperlyConfigured(
            f"EMAILS_FROM_EMAIL must be an email address such as no-reply@example.com, not {address!r}."
        ) from None


DEFAULT_FROM_EMAIL = sender(
    env.line("EMAILS_FROM_NAME", env.project_name()), env.line("EMAILS_FROM_EMAIL", "no-reply@example.com")
)
SERVER_EMAIL = DEFAULT_FROM_EMAIL

EMAIL_PROVIDER = env.choice("EMAIL_PROVIDER", "", ("", *PROVIDERS))
EMAIL_WEBHOOK_SECRET = env.text("EMAIL_WEBHOOK_SECRET", "")

MAILERS: dict[str, dict[str, object]]
ANYMAIL: dict[str, object] = {}
if EMAIL_PROVIDER:
    _provider = PROVIDERS[EMAIL_PROVIDER]
    _options: dict[str, object] = {_provider.key_option: env.text("EMAIL_PROVIDER_KEY", ""), "timeout": _TIMEOUT}
    if not _options[_provider.key_option]:
        raise ImproperlyConfigured("EMAIL_PROVIDER needs EMAIL_PROVIDER_KEY, the key of the provider's API.")
    if _api_url := env.url("EMAIL_PROVIDER_URL", ""):
        _options["api_url"] = _api_url
    MAILERS = {"default": {"BACKEND": f"anymail.backends.{EMAIL_PROVIDER}.EmailBackend", "OPTIONS": _options}}
    if EMAIL_WEBHOOK_SECRET:
        ANYMAIL = {_provider.signing_setting or "WEBHOOK_SECRET": EMAIL_WEBHOOK_SECRET}
else:
    MAILERS = {
        "default": {
            "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "OPTIONS": {
                "host": env.text("SMTP_HOST", "localhost"),
                "port": env.number("SMTP_PORT", 587, minimum=1, maximum=65535),
                "username": env.text("SMTP_USER", ""),
                "password": env.text("SMTP_PASSWORD", ""),
                "use_tls": env.flag("SMTP_TLS", default=not env.flag("SMTP_SSL", default=False)),
                "use_ssl": env.flag("SMTP_SSL", default=False),
                "timeout": _TIMEOUT,
            },
        }
    }
