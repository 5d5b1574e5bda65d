"""Failed tasks and mails, for the dashboard and the sidebar's badges."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from keystone.admin.cells import number
from keystone.background.models import Task
from keystone.background.states import TaskState
from keystone.mail.models import MailState, OutgoingMail

COUNT_LIMIT = 999  # counting uses an index, and goes no further than what is shown
MAIL_DAYS = 7  # UTC days; a failed task stays until somebody handles it, a failed mail only until it is old
FAILED_MAILS = (MailState.FAILED, MailState.BOUNCED)


@dataclass(frozen=True)
class Failures:
    """A kind of failure.

    Attributes:
        label: its name on the dashboard.
        permission: required to see it.
        rows: returns the failed rows.
        link: returns the URL of the list of exactly these rows.
    """

    label: str | Promise
    permission: str
    rows: Callable[[], QuerySet[Any]]
    link: Callable[[], str]

    def count(self, request: HttpRequest) -> int:
        """Return the count, at most one more than `COUNT_LIMIT`. Counted once per request, for page and sidebar."""
        counted: dict[str, int] = request.__dict__.setdefault("keystone_failures", {})
        if self.permission not in counted:
            counted[self.permission] = self.rows().order_by()[: COUNT_LIMIT + 1].count()
        return counted[self.permission]


def _failed_tasks() -> QuerySet[Any]:
    return Task.objects.filter(status=TaskState.FAILED)


def _tasks_link() -> str:
    return f"{reverse('admin:keystone_task_changelist')}?state=failed"


def _first_mail_day() -> Any:
    today = timezone.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=MAIL_DAYS - 1)


def _failed_mails() -> QuerySet[Any]:
    return OutgoingMail.objects.filter(state__in=FAILED_MAILS, created_at__gte=_first_mail_day())


def _mails_link() -> str:
    query = [("state", state.value) for state in FAILED_MAILS]
    query.append(("created_at_from", _first_mail_day().date().isoformat()))
    return f"{reverse('admin:keystone_outgoingmail_changelist')}?{urlencode(query)}"


TASKS = Failures(gettext_lazy("Failed tasks"), "keystone.view_task", _failed_tasks, _tasks_link)
MAILS = Failures(gettext_lazy("Failed mails, last 7 days"), "keystone.view_outgoingmail", _failed_mails, _mails_link)


def failures(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the counts that this viewer may see, with links to their rows."""
    return [
        {"label": kind.label, "count": capped(count), "failed": count > 0, "link": kind.link()}
        for kind in (TASKS, MAILS)
        if request.user.has_perm(kind.permission)
        for count in (kind.count(request),)
    ]


def capped(count: int) -> str:
    """Return a count for display. Counting stopped just above `COUNT_LIMIT`."""
    return f"{COUNT_LIMIT}+" if count > COUNT_LIMIT else number(count)


def failed_tasks_badge(request: HttpRequest) -> SafeString | str:
    """Return the number of failed tasks, for the sidebar."""
    return _badge(TASKS, request)


def failed_mails_badge(request: HttpRequest) -> SafeString | str:
    """Return the number of recently failed mails, for the sidebar."""
    return _badge(MAILS, request)


def _badge(kind: Failures, request: HttpRequest) -> SafeString | str:
    count = kind.count(request)
    return format_html('{}<span class="sr-only"> {}</span>', capped(count), _("failed")) if count else ""
