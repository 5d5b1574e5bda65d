"""How the error of a task is stored: class and traceback, without secrets."""

from traceback import format_exception

from django.utils import timezone

from keystone.observability.logs.masking import masked

LONGEST = 8_000  # characters; the end says most
CUT = "[…]\n"


def described(error: BaseException, *, worker: str) -> dict[str, str]:
    """An exception as `TaskOutcome.errors` has it."""
    kind, text = type(error), traceback_of(error)
    return {
        "at": timezone.now().isoformat(),
        "class": f"{kind.__module__}.{kind.__qualname__}",
        "traceback": text if len(text) <= LONGEST else CUT + text[-(LONGEST - len(CUT)) :],
        "worker": worker,
    }


def traceback_of(error: BaseException) -> str:
    """The whole traceback of an exception, as a text that can be kept."""
    return storable_text("".join(format_exception(error)))


def storable_text(text: str) -> str:
    """A text of any length, masked, and without what PostgreSQL does not keep."""
    return masked(text).replace("\x00", "␀").encode(errors="backslashreplace").decode()
