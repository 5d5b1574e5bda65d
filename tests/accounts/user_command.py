"""`manage.py user`, as its tests run it in their own process."""

import pytest
from django.core.management import CommandError, call_command


def refused(*arguments: str) -> str:
    """The one line that a command is refused with."""
    with pytest.raises(CommandError) as raised:
        call_command("user", *arguments)
    assert "\n" not in str(raised.value)
    return str(raised.value)
