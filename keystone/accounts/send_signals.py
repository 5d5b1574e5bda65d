"""Send signals after commit."""

from functools import partial

from django.db import transaction
from django.dispatch import Signal

from keystone.accounts.models import User
from keystone.actors.actor import Actor


def send_signal(signal: Signal, user: User, *, by: Actor) -> None:
    """Send `signal` about `user` once the running transaction is committed. A receiver that fails harms nobody.

    Where nobody listens nothing is kept until then: a transaction may make a great many people.
    """
    if signal.has_listeners(User):
        transaction.on_commit(partial(signal.send_robust, sender=User, user=user, by=by), robust=True)
