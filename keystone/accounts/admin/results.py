"""What a bulk decision came to, for each person: counts, the first hundred of each outcome, every reason."""

import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from django.http import HttpRequest

from keystone.accounts.admin.cells import name_and_address
from keystone.accounts.models import User
from keystone.accounts.moves import Move
from keystone.accounts.transition import Outcome

NAMED = 100
REASONS = 50  # reasons told apart; further ones are put together by their kind
KEPT = 5
SESSION_KEY = "decision_results"


@dataclass
class Group:
    """People with the same outcome; `people` names the first hundred."""

    code: str
    reason: str
    count: int = 0
    people: list[dict[str, Any]] = field(default_factory=list)

    def add(self, user: User) -> None:
        """Count a person in, by name where there is room."""
        self.count += 1
        if len(self.people) < NAMED:
            self.people.append(name_and_address(user))

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


def summarize(move: Move, outcome: Outcome, *, changed: int = 0, told: bool = True) -> Result:
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
        groups.setdefault(key, Group(*key)).add(user)
    refused = sorted(groups.values(), key=lambda group: -group.count)
    return Result(move.name, done, refused, len(outcome.missing), changed, told)


def keep(request: HttpRequest, result: Result) -> str:
    """Keep a result in the administrator's session, and the few before it.

    Returns:
        What names it.
    """
    kept = dict(request.session.get(SESSION_KEY, {}))
    name = secrets.token_urlsafe(8)
    kept[name] = asdict(result)
    request.session[SESSION_KEY] = dict(list(kept.items())[-KEPT:])
    return name


def recall(request: HttpRequest, name: str) -> Result | None:
    """A kept result, or None when it is not this session's or too old."""
    stored = request.session.get(SESSION_KEY, {}).get(name)
    if stored is None:
        return None
    return Result(**{**stored, "done": Group(**stored["done"]), "refused": _groups(stored["refused"])})


def _groups(stored: Iterable[dict[str, Any]]) -> list[Group]:
    return [Group(**group) for group in stored]
