"""`Refusal`: raised when a rule refuses a request. A handler maps it to the API's envelope; the admin shows it."""

from typing import ClassVar

from django.utils.functional import Promise


class RequestRefused(Exception):  # noqa: N818 - a refusal is not an error
    """A refused request that changed nothing.

    Each subclass defines a stable `code`, the HTTP `status` of the response, and a `message` for people. `retry_after`
    is set if retrying helps, to the number of seconds to wait.
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
    """A request refused by a rule. Subclasses are defined next to the functions that raise them.

    A page may show it and continue. An exception that must end the request, such as `actors.acting.AccessEnded`, is a
    direct subclass of `RequestRefused`.
    """
