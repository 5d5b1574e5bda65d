"""Password hashers and validators."""

from typing import Any

from keystone.environment import env

PASSWORD_HASHERS: list[str] = [
    "keystone.passwords.hashers.Argon2idHasher",
    "keystone.passwords.hashers.OlderHasher",
]
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 8}},
    {"NAME": "keystone.passwords.rules.MaximumLengthValidator"},
    {"NAME": "keystone.passwords.rules.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
if env.flag("PASSWORD_BREACH_CHECK", default=False):
    AUTH_PASSWORD_VALIDATORS.append(
        {
            "NAME": "keystone.passwords.breaches.BreachedPasswordValidator",
            "OPTIONS": {
                "endpoint": env.url("PASSWORD_BREACH_API", "https://api.pwnedpasswords.com/range"),
                "timeout": env.seconds("PASSWORD_BREACH_TIMEOUT", 1.0, maximum=10.0),
            },
        }
    )
