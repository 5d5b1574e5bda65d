"""The application with the field's stock ways in place of ours: the controls that show that the tests can fail.

Attempts are counted as DRF's throttles count, read from the cache and written back; a link is looked at and then used
up; nobody watches the last superuser; what was read before a lock is trusted after it.
"""

import time
from collections.abc import Callable, Collection
from types import ModuleType
from typing import Any

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()

from django.core.cache import cache  # noqa: E402 - Django is set up by the line above
from django.utils import timezone  # noqa: E402 - as above

from keystone.accounts import authority, email_change, links, password_reset, transition, verification  # noqa: E402 - as above
from keystone.accounts.models import User  # noqa: E402 - as above
from keystone.accounts.tokens import InvalidToken, OneTimeToken  # noqa: E402 - as above
from keystone.actors import acting  # noqa: E402 - as above
from keystone.actors.actor import Actor  # noqa: E402 - as above
from keystone.sessions import sign_out  # noqa: E402 - as above
from keystone.throttling import limits  # noqa: E402 - as above

PAUSE = 0.02  # seconds between reading and writing, as a busy machine has them


def count_in_the_cache(steps: list[limits.Step]) -> limits.Attempt:
    """As `rest_framework.throttling.SimpleRateThrottle.allow_request` does it."""
    for step in steps:
        key = f"throttle {step.limit} {step.address} {step.source}".replace(" ", "_")
        history = cache.get(key, 0)
        if history >= step.most:
            raise limits.TooManyAttempts(60)
        time.sleep(PAUSE)
        cache.set(key, history + 1, 60)
    return limits.Attempt(())


def use_without_lock(found: OneTimeToken) -> User:
    """Look, then write."""
    user: User = User.objects.get(pk=found.user_id)
    token = OneTimeToken.objects.get(pk=found.pk)
    if token.used_at is not None:
        raise InvalidToken
    time.sleep(PAUSE)
    token.used_at = timezone.now()
    token.save()
    return user


def lock_without_a_look(user: User) -> User:
    """Trust what was read before the lock."""
    time.sleep(PAUSE)
    locked: User = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    return locked


def no_lock() -> None:
    """Do not wait for the others."""
    time.sleep(PAUSE)


def read_without_lock(ids: Collection[Any], *, by: Actor) -> list[User]:
    """Read the rows, and trust what `by` was when the request arrived."""
    return list(User.objects.filter(pk__in=ids).order_by("pk"))


def replace(function: Callable[..., Any], instead: Callable[..., Any], *users: ModuleType) -> None:
    """Put `instead` where these modules have `function`."""
    for module in users:
        assert getattr(module, function.__name__) is function  # else the control would control nothing
        setattr(module, function.__name__, instead)


replace(limits._count, count_in_the_cache, limits)
replace(links.use_link, use_without_lock, verification, password_reset, email_change)
replace(authority.lock_acting, lock_without_a_look, sign_out)
replace(authority.lock_superusers, no_lock, authority)
replace(acting.lock_accounts, read_without_lock, transition)
