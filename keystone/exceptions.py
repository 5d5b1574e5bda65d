"""`Refusal`: raised where a rule says no. One handler maps it to the API's envelope; the admin shows it."""

from typing import ClassVar

from django.utils.functional import Promise


class RequestRefused(Exception):  # noqa: N818 - it is not an error: a rule did its work
    """A request is refused; nothing was changed.

    Each subclass gives the stable `code`, the HTTP `status` of the
    answer, and a `message` for people. `retry_after` is set where asking again later helps: in how many seconds.
    """

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 409
    message: ClassVar[str | Promise] = ""
    retry_after: int | None = None

    def __init__(self, message: str | Promise | None = None, *, fields: dict[str, list[str]] | None = None) -> None:
        self.detail = str(self.message if message is None else message)
        self.fields = fields or {}
        super().__init__(self.detail)


class Refusal(RequestRefused):
    """A rule refuses what was asked. Each subclass stands beside the function that raises it.

    A page may show it and go on. What ends the request whatever it asked for, such as `audit.acting.AccessEnded`, is
    a `RequestRefused` only.
    """
