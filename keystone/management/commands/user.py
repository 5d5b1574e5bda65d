"""`manage.py user`: what administrators do to accounts from a shell."""

from typing import Annotated

from django.core.management.base import CommandError
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django_typer.management import TyperCommand, command, initialize
from typer import Argument

from keystone.accounts.models import User
from keystone.accounts.moves import UserNotFound
from keystone.attempts.lifting import lift_limits_of
from keystone.audit.actor import Actor
from keystone.refusals import Refusal
from keystone.two_factor.enrolment import remove


class Command(TyperCommand):
    """A group of commands. Each translates, makes one call, and says in a line what came of it."""

    help = _("Accounts: what administrators do from a shell.")

    @initialize()
    def init(self) -> None:
        """Nothing is set for all of them; without this, a single sub-command would stand for the group."""

    @command(name="reset-otp", help=str(_("Remove the two-factor sign-in of somebody who has lost it.")))
    def reset_otp(
        self,
        address: Annotated[str, Argument(help=str(_("The person's email address, in any spelling.")))],
    ) -> None:
        """Take a person's second factor away, and they are told by mail; or end a set-up that they have not finished.

        Raises:
            CommandError: there is no such person, or they have no second factor and are setting none up.
        """
        try:
            user = _person(address)
            was_set_up = remove(user, by=Actor.cli())
        except Refusal as refusal:
            raise CommandError(refusal.detail) from None
        if was_set_up:
            text = gettext("%(address)s signs in with the password only now. The person is told by mail.")
        else:
            text = gettext("%(address)s had begun to set it up, and not finished: that is ended.")
        self.stdout.write(text % {"address": user.email})

    @command(name="lift-limits", help=str(_("Let somebody try to sign in again who tried too often.")))
    def lift_limits(
        self,
        address: Annotated[str, Argument(help=str(_("The person's email address, in any spelling.")))],
    ) -> None:
        """Lift the attempt limits of a person's address; those of IP addresses stay.

        Raises:
            CommandError: there is no such person.
        """
        try:
            lifted = lift_limits_of(_person(address), by=Actor.cli())
        except Refusal as refusal:
            raise CommandError(refusal.detail) from None
        text = ngettext("%(count)d limit was lifted.", "%(count)d limits were lifted.", lifted)
        self.stdout.write(text % {"count": lifted})


def _person(address: str) -> User:
    user: User | None = User.objects.with_email(address).first()
    if user is None:
        raise UserNotFound
    return user
