"""Describe task errors for storage: class and traceback, without secrets."""

from traceback import format_exception

from django.utils import timezone

from keystone.observability.logs.masking import masked

LONGEST = 8_000  # characters; longer tracebacks keep their end, which says most
CUT = "[…]\n"


def described(error: BaseException, *, worker: str) -> dict[str, str]:
    """Return an exception in the format of `TaskOutcome.errors`."""
    kind, text = type(error), traceback_of(error)
    return {
        "at": timezone.now().isoformat(),
        "class": f"{kind.__module__}.{kind.__qualname__}",
        "traceback": text if len(text) <= LONGEST else CUT + text[-(LONGEST - len(CUT)) :],
        "worker": worker,
    }


def traceback_of(error: BaseException) -> str:
    """Return the full traceback of an exception as storable text."""
    return storable_text("".join(format_exception(error)))


def storable_text(text: str) -> str:
    """Mask secrets in a text and replace characters that PostgreSQL cannot store. The text is not truncated."""
    return masked(text).replace("\x00", "␀").encode(errors="backslashreplace").decode()
