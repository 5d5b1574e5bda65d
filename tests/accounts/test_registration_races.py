"""Registering, and making an account, while an erasure sets the address free."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import IntegrityError, connection

from keystone.accounts.models import User
from keystone.accounts.registration import create_user, register_user
from keystone.accounts.status import Status
from keystone.actors.actor import Actor
from keystone.privacy.erasing import erase_person
from keystone.testing.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)
EMAIL = "ann@example.com"


@contextmanager
def set_free(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Erase whoever has the address just after an INSERT found it taken."""
    erased: list[User] = []
    save = User.save

    def then_set_it_free(self: User, *args: object, **kwargs: object) -> None:
        try:
            save(self, *args, **kwargs)
        except IntegrityError:
            if not erased:
                _elsewhere(lambda: erased.append(erase_person(User.objects.with_email(EMAIL).get(), by=Actor.cli())))
            raise

    monkeypatch.setattr(User, "save", then_set_it_free)
    yield
    monkeypatch.undo()
    assert erased


def _elsewhere(call: Callable[[], None]) -> None:
    """Call it on a connection of its own."""

    def run() -> None:
        try:
            call()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


def test_an_address_that_is_set_free_at_this_moment_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    UserFactory(email=EMAIL)
    with set_free(monkeypatch):
        register_user(email=EMAIL, password=PASSWORD)
    assert User.objects.with_email(EMAIL).get().status == Status.PENDING_EMAIL_VERIFICATION
    with set_free(monkeypatch):
        create_user(email=EMAIL, by=Actor.cli())
    assert User.objects.with_email(EMAIL).get().status == Status.ACTIVE
