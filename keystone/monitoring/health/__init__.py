"""Health checks for orchestrators: liveness, and readiness with a result for each component."""

from django.conf import settings


def prepare() -> None:
    """Load the migrations before the process serves, so that the first readiness check responds in time.

    Call it after `django.setup()`.
    """
    from keystone.monitoring.health.migrations import known  # entry points import this before Django is set up

    if not settings.DEBUG:  # in development a quick start matters more
        known()
