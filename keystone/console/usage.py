"""Usage errors of commands, on one line."""

import sys
from types import TracebackType

from django.utils.translation import gettext
from django_typer.management import TyperCommand
from typer._click.exceptions import UsageError

from keystone.console.printing import printable


class OneLine(TyperCommand):
    """A command whose usage errors name the wrong option or argument, and the command that shows the help."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        """Report a usage error on the command line; leave everything else to django-typer."""
        is_typed = getattr(self, "_called_from_command_line", False) and not self._traceback
        if is_typed and isinstance(error, UsageError):
            path = error.ctx.command_path if error.ctx else f"manage.py {self._name}"
            line = gettext("%(wrong)s See: %(command)s") % {"wrong": _sentence(error), "command": f"{path} --help"}
            self.stderr.write(self.style.ERROR(printable(f"CommandError: {line}")))
            sys.exit(1)
        told: bool | None = super().__exit__(kind, error, traceback)  # type: ignore[no-untyped-call]  # the library's
        return told


def _sentence(error: UsageError) -> str:
    said = error.format_message().strip()
    return said if said.endswith((".", "?")) else f"{said}."
