"""The people of a bulk decision: the selected rows, or everybody who matches the filters.

A page doesn't carry ten thousand keys. "All of them" is sent as the filters and the time at which the page was shown.
People who joined the selection or were changed after that are skipped, and the result says how many.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from keystone.accounts.models import User
from keystone.admin.model_admin import BoundedPaginator

LIMIT = 20_000
SHOWN = 20


class DecisionPaginator(BoundedPaginator):
    """Paginator that counts as many people as one decision takes, so that "select all" means what it says."""

    limit = LIMIT


@dataclass
class Selection:
    """The people of a bulk decision.

    Attributes:
        people: a queryset of them, in the order of the list.
        ids: their keys if they were selected one by one; None for everybody who matches the filters.
        shown_at: when the page that asks was rendered.
        count: how many they are, at most `LIMIT`.
        unverified: how many of them have not verified their email address.
        sample: the first of them, for display.
    """

    people: QuerySet[User]
    ids: list[uuid.UUID] | None
    shown_at: datetime
    count: int
    unverified: int
    sample: list[User]

    @classmethod
    def of(cls, people: QuerySet[User], ids: Iterable[uuid.UUID] | None) -> "Selection":
        """Evaluate the selection with three queries, whatever its size."""
        now = timezone.now()  # before the queries: an account that changes meanwhile counts as changed
        chosen = people[:LIMIT]
        return cls(
            people=people,
            ids=None if ids is None else list(ids),
            shown_at=now,
            count=chosen.count(),
            unverified=people.filter(email_verified_at__isnull=True)[:LIMIT].count(),
            sample=list(people[:SHOWN]),
        )

    @property
    def more(self) -> int:
        """How many are not in the sample."""
        return self.count - len(self.sample)

    @property
    def is_cut_off(self) -> bool:
        """Whether the filters may match more people than one decision takes."""
        return self.ids is None and self.count >= LIMIT


def unchanged_since(people: QuerySet[User], moment: datetime) -> list[Any]:
    """Return the keys of those of `people` whose account has not changed since `moment`, at most `LIMIT`."""
    return list(people.filter(updated_at__lte=moment).values_list("pk", flat=True)[:LIMIT])


def keys(values: Iterable[str]) -> list[uuid.UUID]:
    """Return the valid keys among the posted values, each once, at most `LIMIT`."""
    found: dict[uuid.UUID, None] = {}
    for value in values:
        try:
            found[uuid.UUID(value)] = None
        except (ValueError, AttributeError):
            continue
    return list(found)[:LIMIT]


def person_or_404(object_id: str) -> User:
    """Return the person with the key in the page's URL.

    Raises:
        Http404: there is none.
    """
    user: User | None = User.objects.filter(pk__in=keys([unquote(object_id)])).first()
    if user is None:
        raise Http404
    return user


def moment(value: str) -> datetime | None:
    """Return a posted time in UTC, or None if it is invalid or has no UTC offset."""
    try:
        found = parse_datetime(value)
        return found.astimezone(UTC) if found is not None and found.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
