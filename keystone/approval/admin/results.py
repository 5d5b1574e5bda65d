"""The result of a bulk decision: counts, the first hundred people of each outcome, and every reason.

The session stores only ids. Names and email addresses are read when the result is shown, so that erasures apply to
them.
"""

import secrets
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest

from keystone.accounts.models import User
from keystone.accounts.transition import Outcome
from keystone.accounts.transition_rules import AlreadyDecided, Transition
from keystone.approval.admin.person_cells import name_and_address
from keystone.audit.models import AuditEvent

NAMED = 100
REASONS = 50  # distinct reasons; further ones are grouped by their code
KEPT = 5
SESSION_KEY = "decision_results"


@dataclass
class Group:
    """People with the same outcome.

    Attributes:
        reason: why they were refused; empty in the session if it names somebody.
        decision: the key of the audit event of the earlier decision, which the reason names.
        ids: the first hundred.
        people: those of `ids` who still exist, for display.
    """

    code: str
    reason: str
    decision: int | None = None
    count: int = 0
    ids: list[str] = field(default_factory=list)
    people: list[dict[str, Any]] = field(default_factory=list)

    def add(self, user: User) -> None:
        """Count a person, and store the id if there is room."""
        self.count += 1
        if len(self.ids) < NAMED:
            self.ids.append(str(user.pk))

    def without_names(self) -> dict[str, Any]:
        """Return what the session stores."""
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

    transition: str
    done: Group
    refused: list[Group] = field(default_factory=list)
    missing: int = 0
    changed: int = 0
    notified: bool = True

    @property
    def refused_count(self) -> int:
        return sum(group.count for group in self.refused)


def summarize(transition: Transition, outcome: Outcome, *, changed: int = 0, notified: bool = True) -> Result:
    """Summarize an outcome.

    Args:
        changed: how many of the people shown changed before the decision and were skipped.
        notified: whether the people changed by it get a mail.
    """
    done = Group(transition.name, "")
    for user in outcome.succeeded:
        done.add(user)
    groups: dict[tuple[str, str], Group] = {}
    for user, refusal in outcome.refused:
        key = (refusal.code, refusal.detail)
        if key not in groups and len(groups) >= REASONS:
            key = (refusal.code, "")
        decision = refusal.decision if key[1] and isinstance(refusal, AlreadyDecided) else None
        groups.setdefault(key, Group(*key, decision)).add(user)
    refused = sorted(groups.values(), key=lambda group: -group.count)
    return Result(transition.name, done, refused, len(outcome.missing), changed, notified)


def keep(request: HttpRequest, result: Result) -> str:
    """Store a result in the administrator's session, along with the few before it.

    Returns:
        The name of the result.
    """
    kept = dict(request.session.get(SESSION_KEY, {}))
    name = secrets.token_urlsafe(8)
    groups = {"done": result.done.without_names(), "refused": [group.without_names() for group in result.refused]}
    kept[name] = {**{key: getattr(result, key) for key in ("transition", "missing", "changed", "notified")}, **groups}
    request.session[SESSION_KEY] = dict(list(kept.items())[-KEPT:])
    return name


def recall(request: HttpRequest, name: str) -> Result | None:
    """Return a stored result, or None if it is not in this session or too old."""
    stored = request.session.get(SESSION_KEY, {}).get(name)
    if stored is None:
        return None
    result = Result(**{**stored, "done": Group(**stored["done"]), "refused": [Group(**g) for g in stored["refused"]]})
    _name([result.done, *result.refused])
    return result


def _name(groups: list[Group]) -> None:
    """Fill in the current names, with two queries."""
    people = {str(user.pk): user for user in User.objects.filter(pk__in=[key for group in groups for key in group.ids])}
    keys = [group.decision for group in groups if group.decision]
    decisions = AuditEvent.objects.in_bulk(keys) if keys else {}
    for group in groups:
        group.people = [name_and_address(people[key]) for key in group.ids if key in people]
        if group.decision in decisions:
            group.reason = AlreadyDecided.of(decisions[group.decision]).detail
