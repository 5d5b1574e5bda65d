"""The deployment check that Redis responds, if it is the cache."""

from typing import Any

from django.core import checks
from django.core.cache import caches
from django.utils.translation import gettext
from django_redis import get_redis_connection
from django_redis.cache import RedisCache

from keystone.text.one_line import in_one_line


@checks.register(checks.Tags.caches, deploy=True)
def check_redis(**_: Any) -> list[checks.CheckMessage]:
    """Check that Redis responds (W040)."""
    if not isinstance(caches["default"], RedisCache):
        return []
    try:
        get_redis_connection("default").ping()
    except Exception as error:  # noqa: BLE001 - its client and its pool raise many
        text = gettext("Redis does not answer: %(said)s") % {"said": in_one_line(error)}
        hint = gettext(
            "Start it, or correct REDIS_URL, or REDIS_SERVER, REDIS_PORT and REDIS_PASSWORD. Until "
            "then everything is slower."
        )
        return [checks.Warning(text, hint=hint, id="keystone.W040")]
    return []
