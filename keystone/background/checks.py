"""The deployment check that a worker is running."""

from collections.abc import Iterator

from django.core import checks
from django.utils.translation import gettext

from keystone.background.reading import running_workers
from keystone.database.checks import check_rows


@check_rows
def check_workers() -> Iterator[checks.CheckMessage]:
    """W080: no worker is alive."""
    if not any(worker.is_alive for worker in running_workers()):
        text = gettext("No worker is running: mails and tasks are waiting.")
        yield checks.Warning(text, hint=gettext("Start manage.py worker beside the server."), id="keystone.W080")
