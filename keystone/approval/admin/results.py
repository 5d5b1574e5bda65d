"""The result of a bulk decision: counts, the first hundred of each outcome, every reason.

The session keeps ids only. Names and addresses are read when the result is shown, so that an erasure reaches them.
"""

import secrets
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest

from keystone.accounts.models import User
from keystone.accounts.transition import Outcome
from keystone.accounts.transition_table import AlreadyDecided, Transition
from keystone.approval.admin.cells import name_and_address
from keystone.audit.models import AuditEvent

NAMED = 100
REASONS = 50  # reasons told apart; further ones are put together by their kind
KEPT = 5
SESSION_KEY = "decision_results"


@dataclass
class Group:
    """People with the same outcome.

    Attributes:
        reason: why they were refused; empty in the session where it names somebody.
        decision: the key of the audit event of the decision that came first, which the reason names.
        ids: the first hundred.
        people: those of `ids` who are still there, for showing.
    """

    code: str
    reason: str
    decision: int | None = None
    count: int = 0
    ids: list[str] = field(default_factory=list)
    people: list[dict[str, Any]] = field(default_factory=list)

    def add(self, user: User) -> None:
        """Count a person in, by id where there is room."""
        self.count += 1
        if len(self.ids) < NAMED:
            self.ids.append(str(user.pk))

    def without_names(self) -> dict[str, Any]:
        """What the session keeps."""
        return {
            "code": self.code,
            "reason": "" if self.decision else self.reason,
            "decision": self.decision,
            "count": self.count,
            "ids": self.ids,
        }

    @property
    def unnamed(self) -> int:
        """How many are counted but not named."""
        return self.count - len(self.people)


@dataclass
class Result:
    """The outcome of a decision in a form that fits into a session, whatever its size."""

    move: str
    done: Group
    refused: list[Group] = field(default_factory=list)
    missing: int = 0
    changed: int = 0
    told: bool = True

    @property
    def refused_count(self) -> int:
        """How many were refused."""
        return sum(group.count for group in self.refused)


def summarize(move: Transition, outcome: Outcome, *, changed: int = 0, told: bool = True) -> Result:
    """Put an outcome together.

    Args:
        changed: how many of those shown changed before the decision, and were left alone.
        told: whether those moved get a mail.
    """
    done = Group(move.name, "")
    for user in outcome.moved:
        done.add(user)
    groups: dict[tuple[str, str], Group] = {}
    for user, refusal in outcome.refused:
        key = (refusal.code, refusal.detail)
        if key not in groups and len(groups) >= REASONS:
            key = (refusal.code, "")
        decision = refusal.decision if key[1] and isinstance(refusal, AlreadyDecided) else None
        groups.setdefault(key, Group(*key, decision)).add(user)
    refused = sorted(groups.values(), key=lambda group: -group.count)
    return Result(move.name, done, refused, len(outcome.missing), changed, told)


def keep(request: HttpRequest, result: Result) -> str:
    """Keep a result in the administrator's session, and the few before it.

    Returns:
        What names it.
    """
    kept = dict(request.session.get(SESSION_KEY, {}))
    name = secrets.token_urlsafe(8)
    groups = {"done": result.done.without_names(), "refused": [group.without_names() for group in result.refused]}
    kept[name] = {**{key: getattr(result, key) for key in ("move", "missing", "changed", "told")}, **groups}
    request.session[SESSION_KEY] = dict(list(kept.items())[-KEPT:])
    return name


def recall(request: HttpRequest, name: str) -> Result | None:
    """A kept result, or None when it is not this session's or too old."""
    stored = request.session.get(SESSION_KEY, {}).get(name)
    if stored is None:
        return None
    result = Result(**{**stored, "done": Group(**stored["done"]), "refused": [Group(**g) for g in stored["refused"]]})
    _name([result.done, *result.refused])
    return result


def _name(groups: list[Group]) -> None:
    """Fill in the names as they are now; two queries."""
    people = {str(user.pk): user for user in User.objects.filter(pk__in=[key for group in groups for key in group.ids])}
    keys = [group.decision for group in groups if group.decision]
    decisions = AuditEvent.objects.in_bulk(keys) if keys else {}
    for group in groups:
        group.people = [name_and_address(people[key]) for key in group.ids if key in people]
        if group.decision in decisions:
            group.reason = AlreadyDecided.of(decisions[group.decision]).detail
