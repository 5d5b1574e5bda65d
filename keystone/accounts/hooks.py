"""Functions of packages above this one, called in the transaction of a change to an account.

Each registers its function when it is imported, which `keystone.apps` sees to.
"""

from collections.abc import Callable


class Hook[**P]:
    """Functions that are called one after the other, in the caller's transaction; what one raises takes it back."""

    def __init__(self) -> None:
        self._functions: list[Callable[P, object]] = []

    def register[F: Callable[..., object]](self, function: F) -> F:
        """Add a function. A decorator."""
        self._functions.append(function)
        return function

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Call them all."""
        for function in self._functions:
            function(*args, **kwargs)


access_ended: Hook[...] = Hook()  # (user_ids, *, keep): their access has ended, but for the session `keep`
approvers_hear: Hook[...] = Hook()  # (name, people, *, by): there is news for those who decide
password_saved: Hook[...] = Hook()  # (user): Django's `set_password` has set another password
