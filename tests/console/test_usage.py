"""What is typed wrongly is told in one line."""

import io

import pytest
from django.core.management import load_command_class

pytestmark = [
    pytest.mark.django_db,  # Django's check of generated columns asks the database for its version, once per process
    pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning"),
]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["user", "list", "--limit", "0"], "Invalid value for '--limit': 0 is not in the range 1<=x<=10000."),
        (["user", "list", "--limit"], "Option '--limit' requires an argument."),
        (["user", "approve"], "Missing argument 'addresses'."),
        (["user", "export"], "Missing option '--email'."),
        (["user", "aprove"], "No such command 'aprove'. Did you mean 'approve'?"),
        (["server"], "Missing command."),
        (["server", "run", "--worker", "2"], "No such option: --worker (Possible options: --workers)."),
        (
            ["email", "test", "ann@example.com", "bob@example.com"],
            "Got unexpected extra argument(s) (bob@example.com).",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_usage_is_one_line(arguments: list[str], line: str) -> None:
    said, told = io.StringIO(), io.StringIO()
    command = load_command_class("keystone", arguments[0])
    command.stdout._out, command.stderr._out = said, told  # type: ignore[attr-defined]  # of Django's wrappers
    with pytest.raises(SystemExit) as ended:
        command.run_from_argv(["manage.py", *arguments])
    assert ended.value.code == 1
    assert said.getvalue() == ""
    [shown] = told.getvalue().splitlines()
    assert shown.startswith(f"CommandError: {line} See: ")
    assert shown.endswith(" --help")
