"""Importing people: through the life cycle, each with an invitation, and all or nothing."""

import csv
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.mail import EmailMessage
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from openpyxl import Workbook
from pytest_django import DjangoCaptureOnCommitCallbacks

from keystone.accounts.models import User
from keystone.accounts.status import Status
from keystone.accounts.tokens import Purpose, reserve
from keystone.actors.actor import Actor, ActorKind
from keystone.audit.models import AuditEvent
from keystone.data.declarations import Existing
from keystone.data.importing import Contradiction, run_import
from keystone.data.outcomes import Changed, ImportOptions, ImportResult, Refused, RowsRefused
from keystone.mail.models import OutgoingMail
from keystone.sign_in.with_tokens import sign_in
from keystone.testing.factories import PASSWORD, UserFactory, superuser

pytestmark = pytest.mark.django_db
BY = Actor.cli()
ALL = ("email", "first_name", "last_name", "groups", "access_ends_at", "is_staff")
type Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(*rows: Sequence[Any], header: Sequence[str] = ALL[:3]) -> Path:
        path = tmp_path / "people.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([header, *rows])
        return path

    return written


def run(file: Path, **options: Any) -> ImportResult:
    return run_import("people", ImportOptions(file=file, **options), by=BY)


def refusals(file: Path, **options: Any) -> dict[int, str]:
    with pytest.raises(RowsRefused) as raised:
        run(file, **options)
    return {refused.row: refused.reason for refused in raised.value.imported.refusals}


def counts(outcome: ImportResult) -> tuple[int, int, int, int]:
    found = outcome.counts
    return found.read, found.written, found.unchanged, found.refused


def events(user: User) -> list[tuple[str, str, str]]:
    found = AuditEvent.objects.filter(target_id=str(user.pk)).order_by("pk")
    return list(found.values_list("action", "actor_kind", "actor_label"))


def test_new_people_are_active_and_each_is_invited_by_mail(
    write: Write,
    mailoutbox: list[EmailMessage],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    file = write(["ada@example.com", "Ada", "Lovelace"], ["Grace@Example.com", "Grace", ""])
    with django_capture_on_commit_callbacks(execute=True):
        outcome = run(file)
    assert counts(outcome) == (2, 2, 0, 0)
    assert outcome.created == 2
    ada, grace = User.objects.order_by("email_normalized")
    assert (ada.email, ada.get_full_name(), ada.status) == ("ada@example.com", "Ada Lovelace", Status.ACTIVE)
    assert (grace.email, grace.email_normalized) == ("Grace@Example.com", "grace@example.com")
    for user in (ada, grace):
        assert not user.has_usable_password()
        assert (user.email_verified_at, user.is_staff, user.is_superuser) == (None, False, False)
        assert events(user) == [("user.created", ActorKind.CLI, BY.label)]
    assert sorted(mail.to[0] for mail in mailoutbox) == ["Grace@Example.com", "ada@example.com"]
    assert {mail.subject for mail in mailoutbox} == {"Your account with Keystone"}
    assert all("/reset-password/" in str(mail.body) for mail in mailoutbox)


def test_what_the_outcome_shows_is_what_people_call_it(write: Write) -> None:
    Group.objects.create(name="Editors")
    end = datetime(2999, 1, 1, tzinfo=UTC)
    outcome = run(write(["Ada@example.com", "Ada", "", "Editors", "2999-01-01", "yes"], header=ALL))
    assert outcome.changes == (
        Changed(
            2,
            True,
            {
                "email": (None, "ada@example.com"),
                "first_name": (None, "Ada"),
                "last_name": (None, ""),
                "groups": (None, "Editors"),
                "access_ends_at": (None, end),
                "is_staff": (None, True),
            },
        ),
    )


def test_a_new_person_gets_groups_an_end_and_the_role(write: Write) -> None:
    Group.objects.create(name="Editors")
    Group.objects.create(name="Research, North")
    run(
        write(
            ["ada@example.com", "Ada", "", "Editors; Research, North;", "2999-01-01T02:00+02:00", "Yes"],
            ["bob@example.com", "Bob", "", "", "", ""],
            ["eve@example.com", "Eve", "", " ; ", "", "no"],
            header=ALL,
        )
    )
    ada, bob, eve = User.objects.order_by("email_normalized")
    assert sorted(group.name for group in ada.groups.all()) == ["Editors", "Research, North"]
    assert (ada.access_ends_at, ada.is_staff) == (datetime(2999, 1, 1, tzinfo=UTC), True)
    assert [action for action, *_ in events(ada)] == ["user.created", "user.access_end_changed", "user.roles_changed"]
    assert {kind for _, kind, _ in events(ada)} == {ActorKind.CLI}
    for user in (bob, eve):
        assert (user.access_ends_at, user.is_staff, user.groups.count()) == (None, False, 0)
        assert [action for action, *_ in events(user)] == ["user.created"]


def test_the_cells_of_a_workbook_are_times_and_booleans(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (
        ("E-Mail", "First name", "Access ends", "Staff"),
        ("ada@example.com", "Ada", datetime(2999, 1, 1, 18), True),  # noqa: DTZ001 - a workbook knows no zones
        ("bob@example.com", "Bob", date(2999, 1, 2), False),
        ("eve@example.com", 7, "2999-01-03", 1),
        ("zoe@example.com", None, None, None),
    ):
        sheet.append(row)
    book.save(tmp_path / "people.xlsx")
    run(tmp_path / "people.xlsx")
    found = User.objects.order_by("email").values_list("first_name", "access_ends_at", "is_staff")
    assert list(found) == [
        ("Ada", datetime(2999, 1, 1, 18, tzinfo=UTC), True),
        ("Bob", datetime(2999, 1, 2, tzinfo=UTC), False),
        ("7", datetime(2999, 1, 3, tzinfo=UTC), True),
        ("", None, False),
    ]


def test_a_trial_leaves_nothing_and_mails_nobody(
    write: Write, mailoutbox: list[EmailMessage], django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    Group.objects.create(name="Editors")
    UserFactory(email="bob@example.com", first_name="Bob")
    rows = [["ada@example.com", "Ada", "Editors"], ["bob@example.com", "Robert", "Editors"]]
    before = AuditEvent.objects.count()
    with django_capture_on_commit_callbacks(execute=True):
        outcome = run(write(*rows, header=("email", "first_name", "groups")), trial=True, existing=Existing.UPDATE)
    assert counts(outcome) == (2, 2, 0, 0)
    assert outcome.changes[1] == Changed(3, False, {"first_name": ("Bob", "Robert"), "groups": ("", "Editors")})
    assert list(User.objects.values_list("first_name", flat=True)) == ["Bob"]
    assert not User.objects.filter(groups__isnull=False).exists()
    assert (OutgoingMail.objects.count(), mailoutbox) == (0, [])
    assert AuditEvent.objects.count() == before


def test_one_refused_row_leaves_nothing_of_the_others(
    write: Write, mailoutbox: list[EmailMessage], django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    file = write(["ada@example.com", "Ada", ""], ["no address", "Bob", ""], ["eve@example.com", "Eve", ""])
    with django_capture_on_commit_callbacks(execute=True):
        assert refusals(file) == {3: "Enter a valid email address."}
    assert not User.objects.exists()
    assert not AuditEvent.objects.exists()
    assert (OutgoingMail.objects.count(), mailoutbox) == (0, [])


def test_in_part_the_refused_row_is_left_out(write: Write) -> None:
    Group.objects.create(name="Editors")
    file = write(
        ["ada@example.com", "Editors", ""],
        ["bob@example.com", "Editors", "2001-01-01"],  # refused after the account was made
        header=("email", "groups", "access_ends_at"),
    )
    outcome = run(file, partial=True)
    assert counts(outcome) == (2, 1, 0, 1)
    assert list(User.objects.values_list("email", flat=True)) == ["ada@example.com"]
    assert list(OutgoingMail.objects.values_list("recipient", flat=True)) == ["ada@example.com"]
    assert {str(event.target_label) for event in AuditEvent.objects.all()} == {"ada@example.com"}


def test_every_fault_of_a_row_is_told(write: Write) -> None:
    Group.objects.create(name="Editors")
    header = ("email", "first_name", "groups", "access_ends_at", "is_staff")
    found = refusals(
        write(
            ["", "Ada", "", "", ""],
            ["b@example.com", "see www.example.com", "editors; Editors; Chiefs", "31.12.2999", "ja"],
            ["c@example.com", "C" * 101, "", "0001-01-01T00:00+23:59", "2"],
            ["d@example.com", "D\u202e", "", "2001-01-01", ""],
            header=header,
        )
    )
    assert found == {
        2: "Enter a valid email address.",
        3: "first_name: A name has no web address in it."
        " groups: There is no group called “editors”, “Chiefs”."
        " access_ends_at: “31.12.2999” is not a valid time. Write it as 2026-12-31 or 2026-12-31T18:00 (UTC)."
        " is_staff: “ja” is neither yes nor no. Write yes, true or 1; or no, false or 0.",
        4: "first_name: Ensure this value has at most 100 characters (it has 101)."
        " access_ends_at: “0001-01-01T00:00+23:59” is not a valid time."
        " Write it as 2026-12-31 or 2026-12-31T18:00 (UTC)."
        " is_staff: “2” is neither yes nor no. Write yes, true or 1; or no, false or 0.",
        5: "first_name: A name has no invisible characters.",
    }
    assert not User.objects.exists()


def test_an_end_in_the_past_is_refused(write: Write) -> None:
    ended = (timezone.now() - timedelta(minutes=1)).isoformat()
    header = ("email", "access_ends_at")
    [reason] = refusals(write(["ada@example.com", ended], header=header)).values()
    assert reason.startswith("access_ends_at: ")
    assert "future" in reason


def test_two_spellings_of_an_address_in_a_file_are_the_same(write: Write) -> None:
    file = write(["Strasse@Bücher.example", "A", ""], ["STRASSE@xn--bcher-kva.example", "B", ""])
    assert refusals(file) == {3: "Row 2 has the same email."}


def test_an_address_that_its_owner_may_take_back_is_refused(write: Write) -> None:
    user = UserFactory(email="new@example.com")
    reserve(purpose=Purpose.REVERT_EMAIL, user=user, email="old@example.com", lifetime=timedelta(days=7))
    found = refusals(write(["OLD@example.com", "", ""]))
    assert found == {2: "email: A person with this email address already exists."}


def test_people_who_exist_are_left_alone_whatever_the_spelling(write: Write) -> None:
    user = UserFactory(email="Ada@Example.com", first_name="Ada", status=Status.SUSPENDED)
    before = User.objects.values().get()
    outcome = run(write(["ADA@example.COM", "Other", "Name"], ["bob@example.com", "Bob", ""]))
    assert counts(outcome) == (2, 1, 1, 0)
    assert User.objects.filter(pk=user.pk).values().get() == before
    assert events(user) == []
    assert list(OutgoingMail.objects.values_list("recipient", flat=True)) == ["bob@example.com"]


def test_people_who_exist_are_refused_if_that_is_said(write: Write) -> None:
    UserFactory(email="ada@example.com")
    file = write(["ADA@example.com", "", ""], ["bob@example.com", "Bob", ""])
    assert refusals(file, existing=Existing.REFUSE) == {2: "The table already has this row."}
    assert User.objects.count() == 1


def test_people_who_exist_are_changed_by_what_the_file_has(write: Write) -> None:
    editors, chiefs = Group.objects.create(name="Editors"), Group.objects.create(name="Chiefs")
    permission = Permission.objects.get(codename="approve_user")
    end = timezone.now() + timedelta(days=9)
    user = UserFactory(email="Ada@example.com", first_name="Ada", access_ends_at=end, status=Status.SUSPENDED)
    user.groups.add(editors)
    user.user_permissions.add(permission)
    password = user.password
    row = ["ada@EXAMPLE.com", "Augusta", "Chiefs", "2999-01-01", "true"]
    header = ("email", "first_name", "groups", "access_ends_at", "is_staff")
    outcome = run(write(row, header=header), existing=Existing.UPDATE)
    assert (counts(outcome), outcome.created) == ((1, 1, 0, 0), 0)
    assert outcome.changes[0].values == {
        "first_name": ("Ada", "Augusta"),
        "groups": ("Editors", "Chiefs"),
        "access_ends_at": (end, datetime(2999, 1, 1, tzinfo=UTC)),
        "is_staff": (False, True),
    }
    user.refresh_from_db()
    assert (user.email, user.first_name, user.last_name) == ("Ada@example.com", "Augusta", "Example")
    assert (user.is_staff, user.access_ends_at) == (True, datetime(2999, 1, 1, tzinfo=UTC))
    assert (user.status, user.password) == (Status.SUSPENDED, password)
    assert list(user.groups.all()) == [chiefs]
    assert list(user.user_permissions.all()) == [permission]
    actions = ["user.access_end_changed", "user.roles_changed", "user.changed", "user.roles_changed"]
    assert [action for action, *_ in events(user)] == actions
    assert not OutgoingMail.objects.exists()


def test_an_empty_cell_takes_away_and_a_missing_column_does_not(write: Write) -> None:
    group = Group.objects.create(name="Editors")
    end = timezone.now() + timedelta(days=9)
    users = [
        UserFactory(email=f"{name}@example.com", access_ends_at=end, is_staff=True, first_name="Some")
        for name in ("ada", "bob")
    ]
    for user in users:
        user.groups.add(group)
    run(write(["ada@example.com", "", "", "", "", ""], header=ALL), existing=Existing.UPDATE)
    run(write(["bob@example.com", "Name"], header=("email", "last_name")), existing=Existing.UPDATE)
    ada, bob = User.objects.order_by("email")
    assert (ada.get_full_name(), ada.groups.count(), ada.access_ends_at) == ("ada@example.com", 0, None)
    assert ada.is_staff  # a role is taken by a word only
    assert (bob.get_full_name(), list(bob.groups.all()), bob.access_ends_at) == ("Some Name", [group], end)


def test_a_person_who_is_just_so_already_counts_as_unchanged(write: Write) -> None:
    group = Group.objects.create(name="Editors")
    end = datetime(2001, 1, 1, tzinfo=UTC)  # it has ended: nothing is judged where nothing changes
    user = UserFactory(email="ada@example.com", first_name="Ada", access_ends_at=end, status=Status.DEACTIVATED)
    user.groups.add(group)
    row = ["ada@example.com", "Ada", "Editors;Editors", "2001-01-01", "no"]
    header = ("email", "first_name", "groups", "access_ends_at", "is_staff")
    outcome = run(write(row, header=header), existing=Existing.UPDATE)
    assert (counts(outcome), outcome.changes) == ((1, 0, 1, 0), ())
    assert events(user) == []


def test_the_rules_of_the_verbs_hold(write: Write) -> None:
    superuser(email="root@example.com")
    header = ("email", "is_staff")
    found = refusals(write(["root@example.com", "no"], header=header), existing=Existing.UPDATE)
    assert found == {2: "is_staff: A superuser must be staff too."}
    assert User.objects.get().is_staff


def test_who_loses_the_role_is_signed_out(write: Write) -> None:
    user = UserFactory(email="ada@example.com", is_staff=True)
    sign_in(email=user.email, password=PASSWORD)
    run(write(["ada@example.com", "no"], header=("email", "is_staff")), existing=Existing.UPDATE)
    assert not User.objects.get().is_staff
    assert not user.sessions.filter(revoked_at=None).exists()


@pytest.mark.parametrize("name", ["=1+1", "+Ada", "-Ada", "@Ada", "'Ada", "O'Brien-Müller", "  Ada  "])
def test_a_name_that_looks_like_a_formula_is_kept(write: Write, name: str) -> None:
    run(write(["ada@example.com", name, ""]))
    assert User.objects.get().first_name == name.strip()


def test_the_table_of_people_is_never_emptied(write: Write) -> None:
    user = UserFactory()
    with pytest.raises(Contradiction):
        run(write(["ada@example.com", "", ""]), truncate=True)
    assert list(User.objects.all()) == [user]


def test_fifty_people_are_found_in_one_query_and_made_in_few_each(write: Write) -> None:
    groups = [Group.objects.create(name=f"Group {number}") for number in range(5)]

    def rows(start: int) -> list[list[str]]:
        people = range(start, start + 50)
        return [[f"p{number}@example.com", f"P{number}", groups[number % 5].name] for number in people]

    header = ("email", "first_name", "groups")
    run(write(["warm@example.com", "", ""], header=header))
    with CaptureQueriesContext(connection) as queries:
        assert counts(run(write(*rows(0), header=header))) == (50, 50, 0, 0)
    assert len(queries) <= 50 * 25 + 60
    found = [query for query in queries.captured_queries if '"email_normalized" IN (' in query["sql"]]
    assert len(found) == 1
    with CaptureQueriesContext(connection) as queries:
        assert counts(run(write(*rows(0), header=header), existing=Existing.UPDATE)) == (50, 0, 50, 0)
    assert len(queries) <= 50 * 2 + 60  # a savepoint each
    assert {User.objects.filter(groups=group).count() for group in groups} == {10}


def test_a_refusal_is_told_with_its_row_in_the_file(write: Write) -> None:
    with pytest.raises(RowsRefused) as raised:
        run(write(["a@example.com", "", ""], ["b@", "", ""]))
    assert raised.value.imported.refusals == (Refused(3, "Enter a valid email address."),)
