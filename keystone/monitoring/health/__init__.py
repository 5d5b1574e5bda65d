"""Health checks, as orchestrators ask for them: live, and ready with a result for each part."""


def prepare() -> None:
    """Read the migrations of this code before a process serves: at the first question it would be late with its answer.

    Call it after `django.setup()`.
    """
    from django.conf import settings  # here: this package is imported before Django is set up

    from keystone.monitoring.health.migrations import known

    if not settings.DEBUG:  # on a developer's machine a quick start matters more
        known()
