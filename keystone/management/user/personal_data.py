"""`user export` and `user erase`."""

import os
import shutil
from pathlib import Path
from typing import IO, Annotated

from django.core.management.base import CommandError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_typer.management import TyperCommand, command
from typer import Option

from keystone.actors.actor import Actor
from keystone.console.asking import confirm_by_name
from keystone.console.completing import complete_address
from keystone.console.options import Json
from keystone.console.printing import print_json
from keystone.console.refusing import refusals_told
from keystone.management.user.addresses import person_of
from keystone.privacy.erasing import erase_person
from keystone.privacy.exporting import export_person, file_name

Email = Annotated[
    str, Option("--email", help=str(_("The person's email address, in any spelling.")), shell_complete=complete_address)
]


class PersonalData(TyperCommand):
    """Commands for the personal data of a user."""

    @command(name="export", help=str(_("Export a person's data to a zip file of JSON files.")))
    def export_data(
        self,
        *,
        email: Email,
        output: Annotated[
            Path | None,
            Option("--output", "-o", help=str(_("The file; by default one in this folder named after the person."))),
        ] = None,
        as_json: Json = False,
    ) -> None:
        """Write a file that only its owner can read. An existing file is not overwritten.

        Raises:
            CommandError: there is no such user, or the file exists or cannot be written.
        """
        with refusals_told():
            user = person_of(email)
            target = output or Path(file_name(user))
            if target.exists():  # checked before the audit log records the export
                raise CommandError(gettext("%(file)s already exists.") % {"file": target})
            with export_person(user, by=Actor.cli()) as data:
                _write(target, data)
        if as_json:
            print_json(self.stdout, {"email": user.email, "file": str(target), "bytes": target.stat().st_size})
            return
        self.stdout.write(
            gettext("The personal data of %(address)s was written to %(file)s.") % {"address": email, "file": target}
        )

    @command(
        name="erase",
        help=str(_("Delete everything that identifies a person, permanently. The history is kept under a pseudonym.")),
    )
    def erase_data(
        self,
        *,
        email: Email,
        confirm: Annotated[
            str | None, Option("--confirm", help=str(_("The email address once more, to confirm without being asked.")))
        ] = None,
        as_json: Json = False,
    ) -> None:
        """Erase a user after their email address was typed again.

        Raises:
            CommandError: there is no such user, they are staff or already erased, or the typed email address does not
                match.
        """
        with refusals_told():
            user = person_of(email)
            question = gettext("%(name)s will be erased permanently. Type the email address to continue")
            confirm_by_name(question % {"name": user.email}, name=user.email, given=confirm, option="--confirm")
            erased = erase_person(user, by=Actor.cli())
        if as_json:
            print_json(self.stdout, {"id": erased.pk, "pseudonym": erased.email, "erased_at": erased.erased_at})
            return
        text = gettext("Erased. The account is now %(pseudonym)s, and its history is kept under that name.")
        self.stdout.write(text % {"pseudonym": erased.email})


def _write(target: Path, data: IO[bytes]) -> None:
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            shutil.copyfileobj(data, file)
    except OSError as error:
        raise CommandError(f"{target}: {error.strerror}") from None
