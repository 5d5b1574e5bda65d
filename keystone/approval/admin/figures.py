"""The numbers of the dashboard, one query each.

They are the same for everybody; the dashboard decides who may see them. With Redis they are cached; people never are.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.db.models import Aggregate, Count, DurationField, ExpressionWrapper, F
from django.db.models.functions import TruncDate
from django.utils import timezone

from keystone.accounts.models import User
from keystone.accounts.transition_rules import APPROVAL_UNDONE, APPROVE, REJECT, REJECTION_UNDONE
from keystone.audit.models import AuditEvent
from keystone.caching.values import remembered

DAYS = 30
KEPT = 60  # seconds; a committed change invalidates them earlier, and a window of 30 days hardly moves in that time
SERIES = ("user.registered", APPROVE.action, REJECT.action)
UNDONE = {APPROVE.action: APPROVAL_UNDONE, REJECT.action: REJECTION_UNDONE}  # an undone decision doesn't count


class Median(Aggregate):
    """The median, as interpolated by PostgreSQL's percentile_cont."""

    function = "percentile_cont"
    template = "%(function)s(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = DurationField()


@dataclass(frozen=True)
class Day:
    """The counts of one UTC day."""

    day: date
    registered: int
    approved: int
    rejected: int

    @property
    def most(self) -> int:
        return max(self.registered, self.approved, self.rejected)


def days() -> list[Day]:
    """Return the last 30 UTC days, ending with today."""
    today = timezone.now().astimezone(UTC).date()
    first = today - timedelta(days=DAYS - 1)
    figures = _counted_since(first)
    return [
        Day(day, *(_made(figures, day, action) for action in SERIES))
        for day in (first + timedelta(days=number) for number in range(DAYS))
    ]


def _made(figures: dict[tuple[date, str], int], day: date, action: str) -> int:
    """Return how often it happened on this day, without what was undone."""
    undone = figures.get((day, UNDONE[action]), 0) if action in UNDONE else 0
    return max(figures.get((day, action), 0) - undone, 0)


@remembered(KEPT, models=(AuditEvent,))
def _counted_since(first: date) -> dict[tuple[date, str], int]:
    actions = [*SERIES, *UNDONE.values()]
    counted = (
        AuditEvent.objects.filter(action__in=actions, created_at__gte=datetime.combine(first, time.min, tzinfo=UTC))
        .order_by()
        .annotate(day=TruncDate("created_at", tzinfo=UTC))
        .values_list("day", "action")
        .annotate(Count("pk"))
    )
    return {(day, action): count for day, action, count in counted}


@remembered(KEPT, models=(User,))
def statuses() -> dict[str, int]:
    """Return the number of people in each status."""
    counts: dict[str, int] = User.objects.count_by_status()
    return counts


def longest_waiting(count: int = 5) -> list[User]:
    """Return the people who have waited longest for a decision."""
    return list(User.objects.awaiting_approval().order_by("awaiting_since", "pk")[:count])


@remembered(KEPT, models=(User,))
def median_time_to_decision() -> timedelta | None:
    """Return the median time from joining the queue to the decision, for the decisions of the last 30 days.

    None if there were none. Decisions on people who had not waited don't count.
    """
    took = ExpressionWrapper(F("decided_at") - F("awaiting_since"), output_field=DurationField())
    decided = User.objects.filter(
        decided_at__gte=timezone.now() - timedelta(days=DAYS), awaiting_since__lte=F("decided_at")
    )
    median: timedelta | None = decided.aggregate(median=Median(took))["median"]
    return median
