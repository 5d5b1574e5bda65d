"""`manage.py user list` and `show`."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from keystone.accounts.emails import queue_email
from keystone.accounts.models import User
from keystone.accounts.status import ApprovalFlow, Status
from keystone.mail.suppression import suppress
from keystone.observability.origin import origin
from keystone.sign_in.with_tokens import sign_in
from keystone.testing.factories import PASSWORD, UserFactory, superuser
from keystone.throttling.limits import TooManyAttempts, count_attempt
from keystone.two_factor import enrolment
from tests.accounts.user_command import refused
from tests.two_factor.phone import fresh_code, set_up

pytestmark = [
    pytest.mark.django_db,
    # django-typer hands typer an option of its own that typer would rather call otherwise.
    pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning"),
]


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    call_command("user", *arguments)
    return capsys.readouterr().out


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    return json.loads(said(capsys, *arguments, "--json"))


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    return [one["email"].split("@")[0] for one in as_json(capsys, "list", *arguments)["people"]]


@pytest.fixture
def people() -> dict[str, User]:
    """Ann, who is active; Bob, who waits; Cy, who has not verified; Dee, suspended; Eve, staff; Root."""
    made = {
        "ann": UserFactory(email="ann@example.com", first_name="Ann", last_name="Zorn"),
        "bob": UserFactory(email="bob@example.com", last_name="Young", status=Status.PENDING_ADMIN_APPROVAL),
        "cy": UserFactory(
            email="cy@example.com",
            last_name="Xu",
            status=Status.PENDING_EMAIL_VERIFICATION,
            approval_flow=ApprovalFlow.EMAIL_VERIFICATION,
        ),
        "dee": UserFactory(email="dee@example.com", last_name="Wu", status=Status.SUSPENDED),
        "eve": UserFactory(email="eve@example.com", last_name="Vogt", is_staff=True),
        "root": superuser(email="root@example.com", last_name="Ull"),
    }
    for days, user in enumerate(reversed(made.values())):  # Ann is the oldest
        User.objects.filter(pk=user.pk).update(created_at=timezone.now() - timedelta(days=days, minutes=1))
    return made


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["list", "--created-after", "soon"], "“soon” is not a valid time. Write it as 2026-12-31, "),
        (["list", "--created-before", "2026-13-01"], "“2026-13-01” is not a valid time."),
        (["list", "--search", " "], "--search: This value is not valid."),
        (["list", "--status", "dead"], "'dead' is not one of "),
        (["list", "--flow", "dead"], "'dead' is not one of "),
        (["list", "--order", "dead"], "'dead' is not one of "),
        (["list", "--limit", "0"], "0 is not in the range 1<=x<=10000."),
        (["list", "--limit", "10001"], "10001 is not in the range 1<=x<=10000."),
        (["show", "nobody@example.com"], "There is no such person."),
    ],
)
def test_what_cannot_be_read_is_said_in_a_line(arguments: list[str], error: str) -> None:
    assert refused(*arguments).startswith(error)


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ([], "root eve dee cy bob ann"),
        (["--status", "active"], "root eve ann"),
        (["--status", "suspended", "--status", "active"], "root eve dee ann"),
        (["--pending"], "cy bob"),
        (["--pending", "--status", "suspended"], "dee cy bob"),
        (["--staff"], "root eve"),
        (["--no-staff"], "dee cy bob ann"),
        (["--superuser"], "root"),
        (["--staff", "--no-superuser"], "eve"),
        (["--verified"], "root eve dee bob ann"),
        (["--unverified"], "cy"),
        (["--flow", "email_verification"], "cy"),
        (["--search", "zor"], "ann"),
        (["--search", "ann zorn"], "ann"),
        (["--search", "ann young"], ""),
        (["--created-after", "36h"], "root eve"),
        (["--created-before", "4d"], "bob ann"),
        (["--created-before", "2000-01-01"], ""),
        (["--created-after", "2d12h", "--created-before", "1d"], "dee eve"),
        (["--order", "newest"], "root eve dee cy bob ann"),
        (["--order", "oldest"], "ann bob cy dee eve root"),
        (["--order", "name"], "root eve dee cy bob ann"),
        (["--order", "email"], "ann bob cy dee eve root"),
        (["--order", "waiting", "--limit", "1"], "bob"),
    ],
)
def test_people_are_listed_by_filters_and_in_order(
    people: dict[str, User], capsys: pytest.CaptureFixture[str], arguments: list[str], names: str
) -> None:
    found = listed(capsys, *arguments)
    if "--created-after" in arguments and "--order" not in arguments:
        assert sorted(found) == sorted(names.split())
    else:
        assert found == names.split()


def test_a_list_shows_a_line_for_each(people: dict[str, User], capsys: pytest.CaptureFixture[str]) -> None:
    User.objects.filter(pk=people["ann"].pk).update(
        created_at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC), last_login=datetime(2026, 2, 3, 4, 5, tzinfo=UTC)
    )
    lines = said(capsys, "list", "--order", "email").splitlines()
    assert lines[0].split() == ["Address", "Name", "Status", "Role", "Created", "Last", "sign-in"]
    assert " ".join(lines[1].split()) == "ann@example.com Ann Zorn Active 2026-01-02 03:04 UTC 2026-02-03 04:05 UTC"
    assert "superuser" in lines[6]
    assert len(lines) == 7


def test_how_many_are_left_out_is_told(people: dict[str, User], capsys: pytest.CaptureFixture[str]) -> None:
    call_command("user", "list", "--limit", "2")
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 3
    assert err == "4 more are not listed; use --limit to see more.\n"
    call_command("user", "list", "--limit", "5", "--json")
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert (len(told["people"]), told["left_out"], err) == (5, 1, "")
    call_command("user", "list", "--limit", "6", "--json")
    assert json.loads(capsys.readouterr().out)["left_out"] == 0


def test_a_list_costs_a_query_however_long_it_is(people: dict[str, User], capsys: pytest.CaptureFixture[str]) -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        call_command("user", "list", skip_checks=True)
    assert len([query for query in queries if "keystone_user" in query["sql"]]) == 1


def test_nobody_is_an_empty_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert as_json(capsys, "list") == {"people": [], "left_out": 0}
    assert len(said(capsys, "list").splitlines()) == 1


# -- show ----------------------------------------------------------------------------------------------------------


def test_show_tells_all_there_is(capsys: pytest.CaptureFixture[str], settings: Settings) -> None:
    settings.KEYSTONE = {**settings.KEYSTONE, "ATTEMPTS_PER_ADDRESS_AND_IP": 1}
    ann = UserFactory(email="ann@example.com", first_name="Ann", last_name="Zorn", is_staff=True)
    ann.groups.add(Group.objects.create(name="Writers"), Group.objects.create(name="Readers"))
    ann.user_permissions.add(Permission.objects.get(codename="approve_user", content_type__model="user"))
    set_up(ann)
    with origin(ip_address="192.0.2.7"):
        sign_in(email="ann@example.com", password=PASSWORD, code=fresh_code(ann), user_agent="Firefox Linux")
        count_attempt(address="ann@example.com")
        with pytest.raises(TooManyAttempts):
            count_attempt(address="ann@example.com")
    queue_email("reactivated", [ann.pk])
    suppress("ann@example.com", reason="bounced")

    told = as_json(capsys, "show", "ANN@example.com")
    assert (told["email"], told["status"], told["is_staff"]) == ("ann@example.com", "active", True)
    assert told["approval_flow"] == "email_verification_and_admin_approval"
    assert told["groups"] == ["Readers", "Writers"]
    assert told["permissions"] == ["keystone.approve_user"]
    assert told["has_password"] is True
    assert told["is_suppressed"] is True
    assert told["refused_until"] is not None
    assert (told["two_factor"]["is_on"], told["two_factor"]["recovery_codes"]) == (True, 10)
    assert [(one["device"], one["ip_address"]) for one in told["sessions"]] == [("Firefox on Linux", "192.0.2.7")]
    assert [one["template"] for one in told["mails_waiting"]][-1:] == ["reactivated"]
    assert [one["action"] for one in told["events"]] == ["user.signed_in", "user.second_factor_set_up"]

    text = said(capsys, "show", "ann@example.com")
    pairs = dict(line.split("  ", 1) for line in text.split("\n\n")[0].splitlines())
    read = {name: value.strip() for name, value in pairs.items()}
    assert read["Address"] == "ann@example.com"
    assert read["Name"] == "Ann Zorn"
    assert read["Status"].startswith("Active (since 20")
    assert read["Flow"] == "Email verification and approval"
    assert read["Role"] == "staff"
    assert read["Groups"] == "Readers, Writers"
    assert read["Own permissions"] == "keystone.approve_user"
    assert read["Mail"] == "suppressed after a bounce or a complaint"
    assert read["Two-factor sign-in"].endswith("UTC, 10 recovery codes left")
    assert read["Blocked until"].endswith("UTC (too many attempts; see user reset-limits)")
    assert "Password" not in read
    for line in ("\nOpen sessions\n", "Firefox on Linux  192.0.2.7", "\nQueued mails\n", "\nLatest events\n"):
        assert line in text
    assert "Signed in" in text


def test_show_tells_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    ann = UserFactory(email="ann@example.com")
    codes = set_up(ann)
    sign_in(email="ann@example.com", password=PASSWORD, code=fresh_code(ann))
    text = said(capsys, "show", "ann@example.com") + said(capsys, "show", "ann@example.com", "--json")
    factor = ann.authenticators.get()
    session = ann.sessions.get()
    secrets = [*codes, factor.sealed_secret, factor.secret, session.refresh_digest, ann.password]
    assert [secret for secret in secrets if secret in text] == []


@pytest.mark.parametrize(
    ("status", "lines"),
    [
        (Status.PENDING_EMAIL_VERIFICATION, ["Email verified      no"]),
        (Status.PENDING_ADMIN_APPROVAL, ["Waiting since       20"]),
        (Status.REJECTED, ["Reason given        for a reason", "Previous rejections  1", "Last decision       20"]),
        (Status.SUSPENDED, ["Reason given        for a reason"]),
    ],
)
def test_show_tells_what_belongs_to_the_status(
    capsys: pytest.CaptureFixture[str], status: Status, lines: list[str]
) -> None:
    UserFactory(email="ann@example.com", status=status)
    text = " ".join(said(capsys, "show", "ann@example.com").split())
    for line in lines:
        assert " ".join(line.split()) in text


def test_show_tells_of_ends_and_of_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    ann = UserFactory(email="ann@example.com", status=Status.SUSPENDED, first_name="", last_name="")
    ann.set_unusable_password()
    end = datetime(2999, 1, 2, 3, 4, tzinfo=UTC)
    User.objects.filter(pk=ann.pk).update(password=ann.password, suspended_until=end, access_ends_at=end)
    text = " ".join(said(capsys, "show", "ann@example.com").split())
    for part in (
        "Suspended until 2999-01-02 03:04 UTC",
        "Access ends 2999-01-02 03:04 UTC",
        "Last sign-in never",
        "Role no role",
        "Password none",
        "Two-factor sign-in off",
    ):
        assert part in text
    assert "Name" not in text
    assert "Open sessions" not in text


def test_show_tells_where_two_factor_sign_in_stands(capsys: pytest.CaptureFixture[str], settings: Settings) -> None:
    ann = UserFactory(email="ann@example.com", is_staff=True)
    settings.KEYSTONE = {**settings.KEYSTONE, "TWO_FACTOR_REQUIRED": True}
    assert "off, although it is required" in said(capsys, "show", "ann@example.com")
    enrolment.begin(ann)
    assert "being set up" in said(capsys, "show", "ann@example.com")
    assert as_json(capsys, "show", "ann@example.com")["two_factor"]["is_being_set_up"] is True


def test_what_people_typed_cannot_move_the_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    ann = UserFactory(email="ann@example.com", status=Status.SUSPENDED)
    User.objects.filter(pk=ann.pk).update(first_name="A\x1b[2Jnn", status_reason="one\ntwo")
    text = said(capsys, "show", "ann@example.com") + said(capsys, "list")
    assert "\x1b" not in text
    assert "one two" in text
