"""The numbers of the dashboard, one query each, which cost the same for a million people as for ten thousand.

They are the same for everybody; the dashboard decides who may see them. With Redis they are cached; people never are.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.db import connection
from django.db.models import Aggregate, Count, DurationField, ExpressionWrapper, F
from django.db.models.functions import TruncDate
from django.utils import timezone

from keystone.accounts.models import User
from keystone.accounts.status import Status
from keystone.accounts.transition_rules import APPROVAL_UNDONE, APPROVE, REJECT, REJECTION_UNDONE
from keystone.audit.models import AuditEvent
from keystone.caching.values import remembered

DAYS = 30
KEPT = 60  # seconds; a committed change invalidates them earlier, and a window of 30 days hardly moves in that time
SERIES = ("user.registered", APPROVE.action, REJECT.action)
UNDONE = {APPROVE.action: APPROVAL_UNDONE, REJECT.action: REJECTION_UNDONE}  # an undone decision doesn't count
COUNTED = 10_000  # people in a status
DIGITS = 3  # zeros at the end of an estimate
# The frequencies are those of the last ANALYZE; there is none for a value that is rare or new.
BY_STATUS = """
SELECT given.status,
    (SELECT count(*) FROM (SELECT FROM keystone_user WHERE status = given.status LIMIT %(limit)s) AS counted),
    (SELECT (reltuples * common.frequency)::bigint
        FROM pg_class JOIN pg_stats ON tablename = relname AND schemaname = relnamespace::regnamespace::text,
            unnest(most_common_vals::text::text[], most_common_freqs) AS common (status, frequency)
        WHERE pg_class.oid = 'keystone_user'::regclass AND attname = 'status' AND common.status = given.status)
FROM unnest(%(statuses)s::text[]) AS given (status)
"""


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
def statuses() -> dict[str, tuple[int, bool]]:
    """Return the number of people in each status, and whether it is an estimate.

    Beyond `COUNTED` people it is PostgreSQL's own estimate, so that a large table is not read for it.
    """
    with connection.cursor() as cursor:
        cursor.execute(BY_STATUS, {"statuses": Status.values, "limit": COUNTED + 1})
        rows = cursor.fetchall()
    return {
        status: (max(round(estimate or 0, -DIGITS), COUNTED), True) if counted > COUNTED else (counted, False)
        for status, counted, estimate in rows
    }


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
