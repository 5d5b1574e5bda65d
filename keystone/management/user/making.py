"""`user create` and `user set-roles`."""

from typing import Annotated

from django.core.management.base import CommandError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_typer.management import TyperCommand, command
from typer import Option

from keystone import email_address
from keystone.accounts.editing import change_roles
from keystone.accounts.models import User
from keystone.accounts.registration import create_user
from keystone.actors.actor import Actor
from keystone.console.asking import NoTerminal, ask, has_terminal
from keystone.console.options import Address, Json
from keystone.console.printing import print_json
from keystone.console.refusing import refusals_told
from keystone.management.user.addresses import person_of
from keystone.management.user.answers import (
    ask_fitting_password,
    check_address,
    check_name,
    check_password,
    read_password,
    until_it_fits,
)
from keystone.management.user.facts import facts_in_short, roles_in_words

PASSWORD_OPTIONS = "--password-stdin or --no-password"  # noqa: S105 - names of options

Name = Annotated[str | None, Option(help=str(_("Optional.")))]


class Making(TyperCommand):
    """Commands that create accounts and change their roles."""

    @command(name="create", help=str(_("Create an active account. Missing values are asked for.")))
    def create(
        self,
        *,
        email: Annotated[str | None, Option(help=str(_("The email address.")))] = None,
        first_name: Name = None,
        last_name: Name = None,
        is_superuser: Annotated[
            bool, Option("--is-superuser", help=str(_("Has all permissions; implies staff.")))
        ] = False,
        is_staff: Annotated[bool, Option("--is-staff", help=str(_("May sign in to the admin.")))] = False,
        password_stdin: Annotated[
            bool, Option("--password-stdin", help=str(_("Read the password from standard input.")))
        ] = False,
        no_password: Annotated[
            bool, Option("--no-password", help=str(_("Send the person a link to choose one.")))
        ] = False,
        password: Annotated[
            str | None,
            Option(help=str(_("The password. It is visible to others: prefer one of the two options above."))),
        ] = None,
        notify: Annotated[bool, Option("--notify", help=str(_("Notify the person by email.")))] = False,
        as_json: Json = False,
    ) -> None:
        """Create an account.

        Its email address counts as verified, except with `--no-password`: the link in the mail verifies it.

        Raises:
            CommandError: something is missing and there is no terminal, something is invalid, or the email address is
                taken.
        """
        if [password is not None, password_stdin, no_password].count(True) > 1:
            raise CommandError(gettext("Give one of --password, --password-stdin and --no-password."))
        if password is not None:
            text = gettext(
                "The password is now in the shell's history, and was visible to others in the list of processes."
            )
            self.stderr.write(f"{text} {gettext('Use --password-stdin, or leave the option out to be asked.')}")
        has_source = password is not None or password_stdin or no_password
        with refusals_told():
            _refuse_unanswerable(email=email, has_password=has_source)
            email = _given_or_asked(email)
            names = {"first_name": _name(first_name, "first"), "last_name": _name(last_name, "last")}
            person = User(email=email_address.as_typed(email), **names)
            if password is not None:
                check_password(password, person)
            elif password_stdin:
                password = read_password(person)
            elif not no_password:
                password = ask_fitting_password(person, option=PASSWORD_OPTIONS)
            user = create_user(
                email=email,
                by=Actor.cli(),
                password=password,
                **names,
                is_staff=is_staff or is_superuser,
                is_superuser=is_superuser,
                email_verified=not no_password,
                notify=notify or no_password,
            )
        if as_json:
            print_json(self.stdout, facts_in_short(user))
            return
        text = gettext("%(address)s has an account: active, %(roles)s.")
        self.stdout.write(text % {"address": user.email, "roles": roles_in_words(user)})
        if no_password:
            self.stdout.write(gettext("It has no password yet; the person is sent a link to choose one."))

    @command(name="set-roles", help=str(_("Grant or withdraw the staff and superuser roles.")))
    def set_roles(
        self,
        address: Address,
        *,
        staff: Annotated[bool | None, Option(help=str(_("May sign in to the admin.")))] = None,
        superuser: Annotated[bool | None, Option(help=str(_("Has all permissions; implies staff.")))] = None,
        as_json: Json = False,
    ) -> None:
        """Grant or revoke roles. Losing a role ends the user's sessions.

        Raises:
            CommandError: there is no such user, no role was given, or a rule refuses the change.
        """
        if staff is None and superuser is None:
            raise CommandError(gettext("Give --staff, --no-staff, --superuser or --no-superuser."))
        with refusals_told():
            is_staff = True if superuser and staff is None else staff
            user = change_roles(person_of(address), by=Actor.cli(), is_staff=is_staff, is_superuser=superuser)
        if as_json:
            print_json(self.stdout, facts_in_short(user))
            return
        text = gettext("%(address)s is now: %(roles)s.")
        self.stdout.write(text % {"address": user.email, "roles": roles_in_words(user)})


def _refuse_unanswerable(*, email: str | None, has_password: bool) -> None:
    """Report all missing options at once if there is no terminal."""
    missing = [*([] if email is not None else ["--email"]), *([] if has_password else [PASSWORD_OPTIONS])]
    if missing and not has_terminal():
        raise NoTerminal(", ".join(missing))


def _given_or_asked(email: str | None) -> str:
    if email is None:
        return until_it_fits(lambda: ask(gettext("Email address"), option="--email"), check_address)
    check_address(email)
    return email


def _name(given: str | None, which: str) -> str:
    """Return the given name, or prompt for it. Without a terminal it is empty."""
    if given is None and has_terminal():
        label = gettext("First name") if which == "first" else gettext("Last name")
        given = until_it_fits(lambda: ask(label, option=f"--{which}-name", default=""), check_name)
    name = (given or "").strip()
    check_name(name)
    return name
