"""Retry, cancel and discard tasks in the admin."""

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import action

from keystone.admin.buttons import Button, ButtonsMixin
from keystone.admin.guards import acting
from keystone.background.handling import Handled, cancel_tasks, discard_tasks, retry_tasks
from keystone.background.models import Task
from keystone.background.states import ENDED, TaskState

AT_ONCE = 10_000  # maximum number of tasks per action, as many as the pages show
PERMISSION = "keystone.handle_task"
DECISIONS: dict[str, Callable[..., Handled]] = {
    "retry": retry_tasks,
    "cancel": cancel_tasks,
    "discard": discard_tasks,
}


class HandlingMixin(ButtonsMixin):
    """A mixin that lets administrators retry, cancel and discard tasks, in bulk and one by one."""

    actions = ("retry_selected", "cancel_selected", "discard_selected")
    decisions = tuple(DECISIONS)
    key_converter = "int"

    def has_handle_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request) and request.user.has_perm(PERMISSION)

    @action(description=gettext_lazy("Retry"), permissions=["handle"])
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[Task]) -> None:
        self._decide(request, "retry", queryset)

    @action(description=gettext_lazy("Cancel or stop"), permissions=["handle"])
    def cancel_selected(self, request: HttpRequest, queryset: QuerySet[Task]) -> None:
        self._decide(request, "cancel", queryset)

    @action(description=gettext_lazy("Discard"), permissions=["handle"])
    def discard_selected(self, request: HttpRequest, queryset: QuerySet[Task]) -> None:
        self._decide(request, "discard", queryset)

    def may(self, request: HttpRequest, decision: str) -> bool:
        """Whether the user may handle tasks. All decisions need the same permission."""
        return self.has_handle_permission(request)

    def decide(self, request: HttpRequest, decision: str, keys: Iterable[int]) -> None:
        """Apply the decision to the tasks with these keys, and report the result in messages."""
        self._add_messages(request, decision, DECISIONS[decision](list(keys), by=acting(request, PERMISSION)))

    def offered(self, request: HttpRequest, task: Task) -> list[dict[str, Any]]:
        """Return buttons for the decisions that are possible for this task and allowed to this user."""
        offered: list[Button] = []
        if task.status in ENDED:
            offered.append(("retry", _("Retry"), "replay", ""))
        if task.status == TaskState.WAITING:
            offered.append(("cancel", _("Cancel"), "cancel", "k-reject"))
        if task.status == TaskState.RUNNING and not task.abort_requested:
            offered.append(("cancel", _("Stop"), "stop_circle", "k-reject"))
        if task.status == TaskState.FAILED:
            offered.append(("discard", _("Discard"), "delete", "k-reject"))
        return self.buttons(request, task.pk, offered)

    def _decide(self, request: HttpRequest, decision: str, queryset: QuerySet[Task]) -> None:
        keys = list(queryset.values_list("pk", flat=True)[: AT_ONCE + 1])
        self.decide(request, decision, keys[:AT_ONCE])
        if len(keys) > AT_ONCE:
            text = _("At most %(count)s tasks can be handled at once: the first of the list.")
            messages.warning(request, text % {"count": f"{AT_ONCE:,}"})

    def _add_messages(self, request: HttpRequest, decision: str, handled: Handled) -> None:
        stopping = sum(task.status == TaskState.RUNNING for task in handled.done)
        done = len(handled.done) - stopping
        texts = {
            "retry": ngettext("%(count)d task will be retried.", "%(count)d tasks will be retried.", done),
            "cancel": ngettext("%(count)d task was cancelled.", "%(count)d tasks were cancelled.", done),
            "discard": ngettext("%(count)d task was discarded.", "%(count)d tasks were discarded.", done),
        }
        if done:
            messages.success(request, texts[decision] % {"count": done})
        if stopping:
            text = ngettext(
                "%(count)d running task was asked to stop.", "%(count)d running tasks were asked to stop.", stopping
            )
            messages.success(request, text % {"count": stopping})
        refusals: dict[str, int] = {}
        for _task, refusal in handled.refused:
            refusals[refusal.detail] = refusals.get(refusal.detail, 0) + 1
        for detail, count in refusals.items():
            messages.warning(request, f"{detail} ({count})" if count > 1 else detail)
        if handled.missing:
            messages.warning(request, _("A task no longer exists: it was pruned."))
