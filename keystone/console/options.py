"""Options shared by several commands."""

from typing import Annotated

from django.utils.translation import gettext_lazy as _
from typer import Argument, Option

from keystone.console.completing import complete_address

Json = Annotated[bool, Option("--json", help=str(_("Print JSON.")))]
Yes = Annotated[bool, Option("--yes", "-y", help=str(_("Do not ask for confirmation.")))]
Address = Annotated[
    str, Argument(help=str(_("The person's email address, in any spelling.")), shell_complete=complete_address)
]
Addresses = Annotated[
    list[str],
    Argument(help=str(_("People's email addresses, in any spelling.")), shell_complete=complete_address),
]
