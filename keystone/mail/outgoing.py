"""Outgoing mail: what is to be sent, and sending it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Mail:
    """A mail that is to be rendered and sent."""

    template: str
    to: str
    context: dict[str, Any] = field(default_factory=dict)
    language: str = ""


def send(mails: Iterable[Mail]) -> int:
    raise RuntimeError
