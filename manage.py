#!/usr/bin/env python
"""Keystone's command line: `uv run manage.py --help`."""

import os
import signal
import sys


def main() -> int:
    """Run the command; a fault that the operator can mend is one line on stderr, not a traceback."""
    if sys.version_info < (3, 12):  # noqa: UP036 - whoever runs this with an old Python is told so
        sys.stderr.write(f"Keystone needs Python 3.12 or newer; this is {sys.version.split()[0]}.\n")
        return 1
    from keystone.text.escaping import escape_streams

    escape_streams()
    if os.getpid() == 1:  # in a container: the kernel keeps from it each signal that it has no handler for
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return run()
    except KeyboardInterrupt:
        return 130  # the shell's number for "ended by Ctrl-C"


def run() -> int:
    """Import Django and run the command."""
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
        from django.db import OperationalError, ProgrammingError
    except ImportError:
        sys.stderr.write("The dependencies are missing. Run `uv sync`, or `bash scripts/dev.sh`.\n")
        return 1
    from keystone.environment.env import settings_module

    try:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings_module())
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.stderr.write(f"Configuration: {error}\n")
        return 1
    except OperationalError as error:
        sys.stderr.write(f"Database: {' '.join(str(error).split())}\n")
        return 1
    except ProgrammingError as error:
        from keystone.development.schema_hint import hint_for

        hint = hint_for(error)
        if not hint:
            raise
        sys.stderr.write(f"Database: {str(error).splitlines()[0]}. {hint}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
