"""`user set-password`, `revoke-sessions`, `reset-otp` and `reset-limits`."""

from typing import Annotated

from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django_typer.management import TyperCommand, command
from typer import Option

from keystone.accounts.passwords import set_password
from keystone.accounts.reset_limits import reset_limits_of
from keystone.actors.actor import Actor
from keystone.console.options import Address, Json
from keystone.console.printing import print_json
from keystone.console.refusing import refusals_told
from keystone.management.user.addresses import person_of
from keystone.management.user.answers import ask_fitting_password, read_password
from keystone.sessions.sign_out import end_all_sessions
from keystone.two_factor.enrolment import remove


class Securing(TyperCommand):
    """Commands for passwords, sessions, two-factor sign-in and rate limits."""

    @command(name="set-password", help=str(_("Set a person's password. Their sessions are revoked.")))
    def set_new_password(
        self,
        address: Address,
        *,
        password_stdin: Annotated[
            bool, Option("--password-stdin", help=str(_("Read it from standard input instead of asking for it.")))
        ] = False,
        as_json: Json = False,
    ) -> None:
        """Prompt for a new password, or read it from standard input, and set it.

        Raises:
            CommandError: there is no such user, the validators do not accept the password, or there is no terminal.
        """
        with refusals_told():
            user = person_of(address)
            password = read_password(user) if password_stdin else ask_fitting_password(user, option="--password-stdin")
            set_password(user, password=password, by=Actor.cli())
        if as_json:
            print_json(self.stdout, {"email": user.email, "password_set": True})
            return
        text = gettext(
            "%(address)s has a new password, and all their sessions have been revoked. The person is notified by email."
        )
        self.stdout.write(text % {"address": user.email})

    @command(name="revoke-sessions", help=str(_("Sign a person out everywhere.")))
    def revoke_sessions(self, address: Address, *, as_json: Json = False) -> None:
        """End a user's sessions in the API and the admin, and invalidate the links in mails to them.

        Raises:
            CommandError: there is no such user.
        """
        with refusals_told():
            user = person_of(address)
            end_all_sessions(user, by=Actor.cli())
        if as_json:
            print_json(self.stdout, {"email": user.email, "sessions_revoked": True})
            return
        text = gettext("%(address)s has been signed out everywhere, and the links in their mails no longer work.")
        self.stdout.write(text % {"address": user.email})

    @command(name="reset-otp", help=str(_("Remove the two-factor sign-in of a person who has lost it.")))
    def reset_otp(self, address: Address, *, as_json: Json = False) -> None:
        """Remove a user's second factor and notify them by mail, or cancel a setup that is not finished.

        Raises:
            CommandError: there is no such user, or they have neither a second factor nor a setup in progress.
        """
        with refusals_told():
            user = person_of(address)
            was_set_up = remove(user, by=Actor.cli())
        if as_json:
            print_json(self.stdout, {"email": user.email, "was_set_up": was_set_up})
            return
        if was_set_up:
            text = gettext("%(address)s now signs in with the password only. The person is notified by email.")
        else:
            text = gettext("%(address)s had an unfinished set-up, which has been cancelled.")
        self.stdout.write(text % {"address": user.email})

    @command(name="reset-limits", help=str(_("Reset the rate limits of a person who tried to sign in too often.")))
    def reset_limits(self, address: Address, *, as_json: Json = False) -> None:
        """Reset the rate limits for a user's email address; those for IP addresses stay.

        Raises:
            CommandError: there is no such user.
        """
        with refusals_told():
            user = person_of(address)
            reset = reset_limits_of(user, by=Actor.cli())
        if as_json:
            print_json(self.stdout, {"email": user.email, "reset": reset})
            return
        text = ngettext("%(count)d rate limit was reset.", "%(count)d rate limits were reset.", reset)
        self.stdout.write(text % {"count": reset})
