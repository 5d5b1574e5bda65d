"""Hooks for packages above this one, called in the transaction of a change to an account.

Each package registers its functions when it is imported, which `keystone.apps` takes care of.
"""

from collections.abc import Callable


class Hook[**P]:
    """Functions that are called one after the other in the caller's transaction. An exception rolls it back."""

    def __init__(self) -> None:
        self._functions: list[Callable[P, object]] = []

    def register[F: Callable[..., object]](self, function: F) -> F:
        """Register a function. Use it as a decorator."""
        self._functions.append(function)
        return function

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Call all registered functions."""
        for function in self._functions:
            function(*args, **kwargs)


access_ended: Hook[...] = Hook()  # (user_ids, *, keep): their access has ended, except for the session `keep`
approvers_hear: Hook[...] = Hook()  # (name, people, *, by): there is news for approvers
password_saved: Hook[...] = Hook()  # (user): a password set by Django's `set_password` was saved
