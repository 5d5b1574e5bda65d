"""Findings of a check."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext

from keystone.text.one_line import in_one_line


class Severity(StrEnum):
    """How bad it is."""

    STOPS = "stops"  # production does not start, does not answer, or lets strangers in
    ENDANGERS = "endangers"  # it runs, and something does not work or is not safe


@dataclass(frozen=True)
class Finding:
    """Something that is wrong.

    Attributes:
        look: which look found it, such as `settings`.
        severity: how bad it is.
        what: what is wrong.
        to_do: what to do about it; empty where that is said already.
    """

    look: str
    severity: Severity
    what: str
    to_do: str = ""

    def as_data(self) -> dict[str, Any]:
        """It as JSON has it."""
        return asdict(self)


Look = Callable[[], Iterable[Finding]]


def finding_of(data: dict[str, str]) -> Finding:
    """What `as_data` made data of."""
    return Finding(data["look"], Severity(data["severity"]), data["what"], data["to_do"])


def stops(look: str, what: str, to_do: str = "") -> Finding:
    """Something that would stop production."""
    return Finding(look, Severity.STOPS, what, to_do)


def endangers(look: str, what: str, to_do: str = "") -> Finding:
    """Something that would endanger it."""
    return Finding(look, Severity.ENDANGERS, what, to_do)


def all_of(looks: dict[str, Look]) -> Iterator[Finding]:
    """What all looks find. One that fails is a finding itself: the others are taken all the same."""
    for name, look in looks.items():
        try:
            yield from look()
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a product, the rest is told
            said = in_one_line(error)
            text = gettext("This could not be looked at (%(kind)s: %(said)s).")
            yield endangers(name, text % {"kind": type(error).__name__, "said": said})
