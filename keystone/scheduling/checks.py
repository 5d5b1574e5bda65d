"""The deployment check that a scheduler is running."""

from collections.abc import Iterator

from django.core import checks
from django.utils.translation import gettext

from keystone.database.checks import check_rows
from keystone.scheduling.processes import alive


@check_rows
def check_schedulers() -> Iterator[checks.CheckMessage]:
    """W081: no scheduler is alive."""
    if not alive().exists():
        text = gettext("No scheduler is running: nothing is pruned, expired or reminded of.")
        yield checks.Warning(text, hint=gettext("Start manage.py scheduler beside the server."), id="keystone.W081")
