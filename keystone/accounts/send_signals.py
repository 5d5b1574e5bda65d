"""Send signals after commit."""

from functools import partial

from django.db import transaction
from django.dispatch import Signal

from keystone.accounts.models import User
from keystone.actors.actor import Actor


def send_signal(signal: Signal, user: User, *, by: Actor) -> None:
    """Send `signal` about `user` once the current transaction commits. A failing receiver affects nothing else.

    If there are no receivers, nothing is kept until then: a transaction may create very many people.
    """
    if signal.has_listeners(User):
        transaction.on_commit(partial(signal.send_robust, sender=User, user=user, by=by), robust=True)
