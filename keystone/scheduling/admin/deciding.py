"""Run, pause, resume and delete jobs in the admin."""

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
from keystone.exceptions import Refusal
from keystone.scheduling.handling import delete_orphan, pause_job, resume_job, run_job_now
from keystone.scheduling.models import ScheduledJob

# Each decision with its function and the permission that it requires.
DECISIONS: dict[str, tuple[Callable[..., Any], str]] = {
    "run": (run_job_now, "keystone.run_scheduledjob"),
    "pause": (pause_job, "keystone.pause_scheduledjob"),
    "resume": (resume_job, "keystone.pause_scheduledjob"),
    "delete": (delete_orphan, "keystone.pause_scheduledjob"),
}


class DecidingMixin(ButtonsMixin):
    """A mixin that lets administrators run, pause, resume and delete jobs, in bulk and one by one."""

    actions = ("run_selected", "pause_selected", "resume_selected", "forget_selected")
    decisions = tuple(DECISIONS)

    def may(self, request: HttpRequest, decision: str) -> bool:
        return self.has_view_permission(request) and request.user.has_perm(DECISIONS[decision][1])

    def has_run_permission(self, request: HttpRequest) -> bool:
        return self.may(request, "run")

    def has_pause_permission(self, request: HttpRequest) -> bool:
        """Whether the user may pause, resume and delete jobs."""
        return self.may(request, "pause")

    @action(description=gettext_lazy("Run now"), permissions=["run"])
    def run_selected(self, request: HttpRequest, queryset: QuerySet[ScheduledJob]) -> None:
        self.decide(request, "run", queryset.values_list("pk", flat=True))

    @action(description=gettext_lazy("Pause"), permissions=["pause"])
    def pause_selected(self, request: HttpRequest, queryset: QuerySet[ScheduledJob]) -> None:
        self.decide(request, "pause", queryset.values_list("pk", flat=True))

    @action(description=gettext_lazy("Resume"), permissions=["pause"])
    def resume_selected(self, request: HttpRequest, queryset: QuerySet[ScheduledJob]) -> None:
        self.decide(request, "resume", queryset.values_list("pk", flat=True))

    @action(description=gettext_lazy("Delete jobs that are not in the code"), permissions=["pause"])
    def forget_selected(self, request: HttpRequest, queryset: QuerySet[ScheduledJob]) -> None:
        """Delete jobs with their history."""
        self.decide(request, "delete", queryset.values_list("pk", flat=True))

    def offered(self, request: HttpRequest, job: ScheduledJob) -> list[dict[str, Any]]:
        """Return buttons for the decisions that are possible for this job and allowed to this user."""
        if job.orphaned_at is not None:
            offered: list[Button] = [("delete", _("Delete with its history"), "delete", "k-reject")]
        else:
            offered = [("run", _("Run now"), "play_arrow", "k-approve")]
            if job.paused_at is None:
                offered.append(("pause", _("Pause"), "pause", ""))
            else:
                offered.append(("resume", _("Resume"), "resume", ""))
        return self.buttons(request, job.pk, offered)

    def decide(self, request: HttpRequest, decision: str, keys: Iterable[str]) -> None:
        """Apply the decision to the jobs with these ids, one by one, and report the result in messages."""
        function, permission = DECISIONS[decision]
        by = acting(request, permission)
        done = 0
        for job_id in list(keys):
            try:
                function(job_id, by=by)
                done += 1
            except Refusal as refusal:
                messages.warning(request, f"{job_id}: {refusal.detail}")
        texts = {
            "run": ngettext("%(count)d run was enqueued.", "%(count)d runs were enqueued.", done),
            "pause": ngettext("%(count)d job was paused.", "%(count)d jobs were paused.", done),
            "resume": ngettext("%(count)d job was resumed.", "%(count)d jobs were resumed.", done),
            "delete": ngettext("%(count)d job was deleted.", "%(count)d jobs were deleted.", done),
        }
        if done:
            messages.success(request, texts[decision] % {"count": done})
