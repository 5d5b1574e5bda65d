"""Print the result of a transition, user by user."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext, ngettext

from keystone.accounts.models import User
from keystone.accounts.transition import Outcome
from keystone.accounts.transition_rules import Transition, UnverifiedAddress, UserNotFound
from keystone.console.moments import in_full
from keystone.console.printing import print_json, printable
from keystone.exceptions import Refusal
from keystone.management.user.facts import facts_in_short


def print_outcome(
    command: BaseCommand,
    transition: Transition,
    outcome: Outcome,
    *,
    people: list[User],
    unknown: list[str],
    notified: bool,
    as_json: bool,
) -> None:
    """Print which users were changed, and which were not and why.

    Args:
        people: the users of the transition, in the order in which they were given.
        unknown: the email addresses that nobody has.
        notified: whether the changed users get a mail.

    Raises:
        CommandError: not all users were changed.
    """
    places = {user.pk: place for place, user in enumerate(people)}
    addresses = {user.pk: user.email for user in people}
    succeeded = sorted(outcome.succeeded, key=lambda user: places[user.pk])
    kept = sorted(outcome.refused, key=lambda pair: places[pair[0].pk])
    refused = [(user.email, refusal) for user, refusal in kept]
    refused += [(address, UserNotFound()) for address in [*(addresses[key] for key in outcome.missing), *unknown]]
    if as_json:
        print_json(
            command.stdout,
            {"transition": transition.name, "succeeded": _succeeded(succeeded), "refused": _refused(refused)},
        )
    else:
        for user in succeeded:
            command.stdout.write(printable(_done(transition, user, notified=notified)))
    if not refused:
        return
    lines = [printable(f"{address}: {_why(refusal)}") for address, refusal in refused]
    everybody = len(succeeded) + len(refused)
    if everybody == 1:
        raise CommandError(lines[0])
    for line in lines:
        command.stderr.write(line)
    text = ngettext(
        "%(refused)d of %(count)d person was not %(done)s.",
        "%(refused)d of %(count)d people were not %(done)s.",
        everybody,
    )
    raise CommandError(text % {"refused": len(refused), "count": everybody, "done": transition.done})


def _done(transition: Transition, user: User, *, notified: bool) -> str:
    values = {"address": user.email, "done": str(transition.done)}
    if user.suspended_until is not None:
        values["done"] = gettext("%(done)s until %(end)s") % {**values, "end": in_full(user.suspended_until)}
    if notified:
        return gettext("%(address)s was %(done)s and is notified by email.") % values
    return gettext("%(address)s was %(done)s. No mail will be sent.") % values


def _why(refusal: Refusal) -> str:
    """Return the reason of a refusal, with the option that overrides it if there is one."""
    return f"{refusal.detail} (--even-unverified)" if isinstance(refusal, UnverifiedAddress) else refusal.detail


def _succeeded(people: list[User]) -> list[dict[str, Any]]:
    return [facts_in_short(user) for user in people]


def _refused(refused: list[tuple[str, Refusal]]) -> list[dict[str, Any]]:
    return [{"email": address, "code": refusal.code, "message": refusal.detail} for address, refusal in refused]
