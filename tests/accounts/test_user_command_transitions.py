"""`manage.py user approve`, `reject`, `reopen`, `suspend`, `reactivate` and `deactivate`."""

import getpass
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.core.management import call_command
from django.utils import timezone

from keystone.accounts.models import User
from keystone.accounts.status import ApprovalFlow, Status
from keystone.accounts.transition_rules import UnverifiedAddress
from keystone.audit.models import AuditEvent
from keystone.mail.models import OutgoingMail
from keystone.sessions.models import Session
from keystone.sign_in.with_tokens import sign_in
from keystone.testing.factories import PASSWORD, UserFactory, superuser
from tests.accounts.user_command import refused

pytestmark = [
    pytest.mark.django_db,
    # django-typer hands typer an option of its own that typer would rather call otherwise.
    pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning"),
]
TRANSITIONS = ["approve", "reject", "reopen", "suspend", "reactivate", "deactivate"]
NEEDS_A_REASON = {"reject", "suspend"}


def arguments_of(transition: str, *addresses: str) -> list[str]:
    return [transition, *addresses, *(["--reason", "so"] if transition in NEEDS_A_REASON else [])]


def status_of(user: User) -> str:
    user.refresh_from_db()
    return user.status


@pytest.mark.parametrize("transition", TRANSITIONS)
@pytest.mark.parametrize("address", ["nobody@example.com", "no address", "", "\udcff@example.com"])
def test_nobody_is_not_moved(transition: str, address: str) -> None:
    assert refused(*arguments_of(transition, address)).endswith(": There is no such person.")
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize(
    ("transition", "status"),
    [
        ("approve", Status.SUSPENDED),
        ("reject", Status.ACTIVE),
        ("reopen", Status.ACTIVE),
        ("suspend", Status.DEACTIVATED),
        ("reactivate", Status.ACTIVE),
        ("deactivate", Status.REJECTED),
    ],
)
def test_a_move_from_the_wrong_status_is_refused(transition: str, status: Status) -> None:
    user = UserFactory(email="ann@example.com", status=status)
    said = f"ann@example.com: This is not possible in the status “{status.label}”."
    assert refused(*arguments_of(transition, "ann@example.com")) == said
    assert status_of(user) == status
    assert not OutgoingMail.objects.exists()


@pytest.mark.parametrize("transition", ["suspend", "deactivate"])
def test_the_last_superuser_stays(transition: str) -> None:
    root = superuser(email="root@example.com")
    said = "root@example.com: This is the last active superuser. Create another one first."
    assert refused(*arguments_of(transition, "root@example.com")) == said
    assert status_of(root) == Status.ACTIVE


def test_an_unverified_address_is_approved_only_where_that_is_said() -> None:
    user = UserFactory(email="ann@example.com", status=Status.PENDING_EMAIL_VERIFICATION)
    said = f"ann@example.com: {UnverifiedAddress.message} (--even-unverified)"
    assert refused("approve", "ann@example.com") == said
    assert status_of(user) == Status.PENDING_EMAIL_VERIFICATION
    call_command("user", "approve", "ann@example.com", "--even-unverified")
    assert status_of(user) == Status.ACTIVE


@pytest.mark.parametrize("transition", sorted(NEEDS_A_REASON))
def test_a_reason_is_asked_for_and_nobody_waits_without_a_terminal(transition: str) -> None:
    UserFactory(email="ann@example.com")
    assert refused(transition, "ann@example.com") == (
        "This command asks a question, and there is no terminal to answer on. Use --reason."
    )


def test_a_suspension_is_not_without_a_reason_and_a_rejection_may_be() -> None:
    active = UserFactory(email="ann@example.com")
    assert refused("suspend", "ann@example.com", "--reason", " ") == "Give a reason."
    assert status_of(active) == Status.ACTIVE
    waiting = UserFactory(email="bob@example.com", status=Status.PENDING_ADMIN_APPROVAL)
    call_command("user", "reject", "bob@example.com", "--reason", "")
    assert status_of(waiting) == Status.REJECTED
    assert waiting.status_reason == ""


@pytest.mark.parametrize("option", ["--reason", "--note"])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x" * 2_001, "A reason or a note can have at most 2000 characters."),
        ("\udcff", "A reason or a note must be valid UTF-8."),
    ],
)
def test_a_text_that_cannot_be_kept_is_refused(option: str, text: str, said: str) -> None:
    user = UserFactory(email="ann@example.com")
    assert refused("deactivate", "ann@example.com", option, text) == said
    assert status_of(user) == Status.ACTIVE


@pytest.mark.parametrize(
    ("until", "said"),
    [
        ("yesterday", "“yesterday” is not a valid time. Write it as 2026-12-31, "),
        ("2026-02-30", "“2026-02-30” is not a valid time."),
        ("", "“” is not a valid time."),
        ("999999999w", "“999999999w” is not a valid time."),
        ("2020-01-01", "The end must be in the future."),
        ("0d", "The end must be in the future."),
    ],
)
def test_an_end_that_is_none_or_has_passed_is_refused(until: str, said: str) -> None:
    user = UserFactory(email="ann@example.com")
    assert refused("suspend", "ann@example.com", "--reason", "so", "--until", until).startswith(said)
    assert status_of(user) == Status.ACTIVE


@pytest.mark.parametrize(
    ("transition", "before", "after", "line"),
    [
        ("approve", Status.PENDING_ADMIN_APPROVAL, Status.ACTIVE, "approved"),
        ("reject", Status.PENDING_ADMIN_APPROVAL, Status.REJECTED, "rejected"),
        ("reopen", Status.REJECTED, Status.PENDING_ADMIN_APPROVAL, "reopened"),
        ("suspend", Status.ACTIVE, Status.SUSPENDED, "suspended"),
        ("reactivate", Status.SUSPENDED, Status.ACTIVE, "reactivated"),
        ("deactivate", Status.ACTIVE, Status.DEACTIVATED, "deactivated"),
    ],
)
@pytest.mark.parametrize("silent", [False, True])
def test_a_move_is_made_told_and_audited(
    do: Callable[..., Any],
    mailoutbox: list[EmailMessage],
    capsys: pytest.CaptureFixture[str],
    transition: str,
    before: Status,
    after: Status,
    line: str,
    silent: bool,
) -> None:
    user = UserFactory(email="ann@example.com", status=before)
    options = ["--note", "by phone", *(["--silent"] if silent else [])]
    do(call_command, "user", *arguments_of(transition, " ANN@example.com"), *options)
    assert status_of(user) == after
    said = "No mail will be sent." if silent else ""
    told = f"ann@example.com was {line}. {said}" if silent else f"ann@example.com was {line} and is notified by email."
    assert capsys.readouterr().out == f"{told}\n"
    assert [mail.to for mail in mailoutbox] == ([] if silent else [["ann@example.com"]])
    event = AuditEvent.objects.get(target_id=str(user.pk))
    assert (event.action, event.actor_kind, event.actor_label) == (f"user.{line}", "cli", getpass.getuser())
    assert (event.reason, event.note) == ("so" if transition in NEEDS_A_REASON else "", "by phone")


@pytest.mark.parametrize("transition", ["approve", "reactivate", "deactivate"])
def test_a_reason_may_be_given(do: Callable[..., Any], mailoutbox: list[EmailMessage], transition: str) -> None:
    before = {"approve": Status.PENDING_ADMIN_APPROVAL, "reactivate": Status.DEACTIVATED, "deactivate": Status.ACTIVE}
    user = UserFactory(email="ann@example.com", status=before[transition])
    do(call_command, "user", transition, "ann@example.com", "--reason", " As we agreed ")
    user.refresh_from_db()
    assert user.status_reason == "As we agreed"
    assert "As we agreed" in str(mailoutbox[0].body)


@pytest.mark.parametrize(
    ("until", "end"),
    [
        ("2999-12-31", datetime(2999, 12, 31, tzinfo=UTC)),
        ("2999-12-31T18:30", datetime(2999, 12, 31, 18, 30, tzinfo=UTC)),
        ("2999-12-31T18:30+02:00", datetime(2999, 12, 31, 16, 30, tzinfo=UTC)),
    ],
)
def test_a_suspension_ends_when_that_is_said(capsys: pytest.CaptureFixture[str], until: str, end: datetime) -> None:
    user = UserFactory(email="ann@example.com")
    sign_in(email="ann@example.com", password=PASSWORD)
    call_command("user", "suspend", "ann@example.com", "--reason", "so", "--until", until)
    user.refresh_from_db()
    assert (user.status, user.status_reason, user.suspended_until) == (Status.SUSPENDED, "so", end)
    assert not Session.objects.live().exists()
    when = f"{end:%Y-%m-%d %H:%M} UTC"
    assert capsys.readouterr().out == f"ann@example.com was suspended until {when} and is notified by email.\n"


def test_a_suspension_lasts_as_long_as_is_said() -> None:
    user = UserFactory(email="ann@example.com")
    call_command("user", "suspend", "ann@example.com", "--reason", "so", "--until", "1w2d3h")
    user.refresh_from_db()
    assert user.suspended_until is not None
    length = user.suspended_until - timezone.now()
    assert timedelta(days=9, hours=2, minutes=59) < length < timedelta(days=9, hours=3)


def test_several_are_moved_and_who_is_refused_is_told_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    ann = UserFactory(email="ann@example.com", status=Status.PENDING_ADMIN_APPROVAL)
    bob = UserFactory(email="bob@example.com")
    eve = UserFactory(
        email="eve@example.com",
        status=Status.PENDING_ADMIN_APPROVAL,
        verified=False,
        approval_flow=ApprovalFlow.ADMIN_APPROVAL,
    )
    joe = UserFactory(email="joe@example.com", status=Status.PENDING_ADMIN_APPROVAL)
    addresses = (
        "joe@example.com",
        "bob@example.com",
        "nobody",
        "ANN@example.com",
        "eve@example.com",
        "joe@EXAMPLE.com",
    )
    assert refused("approve", *addresses) == "3 of 5 people were not approved."
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "joe@example.com was approved and is notified by email.",
        "ann@example.com was approved and is notified by email.",
    ]
    assert err.splitlines() == [
        "bob@example.com: This is not possible in the status “Active”.",
        f"eve@example.com: {UnverifiedAddress.message} (--even-unverified)",
        "nobody: There is no such person.",
    ]
    assert [status_of(user) for user in (ann, bob, joe)] == ["active"] * 3
    assert status_of(eve) == Status.PENDING_ADMIN_APPROVAL
    assert AuditEvent.objects.filter(action="user.approved").count() == 2


def test_who_came_too_late_hears_who_was_first() -> None:
    UserFactory(email="ann@example.com", status=Status.PENDING_ADMIN_APPROVAL)
    call_command("user", "approve", "ann@example.com")
    said = refused("reject", "ann@example.com", "--reason", "so")
    assert said.startswith(f"ann@example.com: Already approved by {getpass.getuser()} on ")


def test_json_tells_who_was_moved_and_who_was_not(capsys: pytest.CaptureFixture[str]) -> None:
    UserFactory(email="ann@example.com", status=Status.PENDING_ADMIN_APPROVAL)
    UserFactory(email="bob@example.com")
    said = refused("reject", "bob@example.com", "ann@example.com", "nobody@example.com", "--reason", "so", "--json")
    assert said == "2 of 3 people were not rejected."
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert told["transition"] == "reject"
    assert [(one["email"], one["status"]) for one in told["succeeded"]] == [("ann@example.com", "rejected")]
    assert [(one["email"], one["code"]) for one in told["refused"]] == [
        ("bob@example.com", "illegal_transition"),
        ("nobody@example.com", "not_found"),
    ]
    assert err.splitlines() == [f"{one['email']}: {one['message']}" for one in told["refused"]]


@pytest.mark.parametrize("transition", TRANSITIONS)
def test_json_is_printed_by_every_move(capsys: pytest.CaptureFixture[str], transition: str) -> None:
    refused(*arguments_of(transition, "nobody@example.com"), "--json")
    assert json.loads(capsys.readouterr().out) == {
        "transition": transition,
        "succeeded": [],
        "refused": [{"email": "nobody@example.com", "code": "not_found", "message": "There is no such person."}],
    }


def test_an_address_cannot_forge_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    refused("approve", "x\nann@example.com was approved", "y\x1b[2J")
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["x ann@example.com was approved: There is no such person.", "y [2J: There is no such person."]
