"""Health checks, as orchestrators ask for them: live, and ready with a result for each part."""

from django.conf import settings


def prepare() -> None:
    """Read the migrations of this code before a process serves: at the first question it would be late with its answer.

    Call it after `django.setup()`.
    """
    from keystone.monitoring.health.migrations import known  # here: entry points import this before Django is set up

    if not settings.DEBUG:  # on a developer's machine a quick start matters more
        known()
