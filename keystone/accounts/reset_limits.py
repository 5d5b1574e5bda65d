"""Reset rate limits before they end."""

from collections.abc import Collection

from django.db import transaction

from keystone.accounts.authority import refusal_to_touch
from keystone.accounts.models import User
from keystone.actors.acting import lock_actor
from keystone.actors.actor import Actor
from keystone.audit.log import event, record
from keystone.throttling.models import AttemptWindow
from keystone.throttling.reset import limits_of


@transaction.atomic
def reset_limits(windows: Collection[int], *, by: Actor) -> int:
    """Reset rate limits, so that those who were refused may try again at once.

    Args:
        windows: the primary keys of the rows.
        by: who resets them; recorded in the audit log. Limits of accounts that they may not act on stay.

    Returns:
        The number of limits reset.
    """
    lock_actor(by)
    # Locked in the order in which an attempt counts them (which their names happen to follow), to avoid deadlocks.
    running = AttemptWindow.objects.running().filter(pk__in=windows).order_by("-limit", "pk").select_for_update()
    rows = list(running)
    owners = User.objects.filter(email_normalized__in={row.address for row in rows if row.address})
    barred = {user.email_normalized for user in owners if refusal_to_touch(user, by=by, own=True)}
    rows = [row for row in rows if row.address not in barred]
    changes = [{"counted_by": [row.limit, None], "attempts": [row.count, 0]} for row in rows]
    record(event("rate_limit.reset", row, by=by, changes=change) for row, change in zip(rows, changes, strict=True))
    AttemptWindow.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return len(rows)


def reset_limits_of(user: User, *, by: Actor) -> int:
    """Reset every limit that applies to a person by their email address, from any IP address.

    Returns:
        The number of limits reset.
    """
    return reset_limits(list(limits_of(user).values_list("pk", flat=True)), by=by)
