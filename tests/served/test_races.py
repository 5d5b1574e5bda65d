"""Promises 4, 6, 7 and 8 under load, 10 rounds each, and for each a control that shows that the test can fail."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import pytest
from django.db import connection

from keystone.accounts.models import User
from keystone.accounts.status import Status
from keystone.approval.undo import DecisionUndo
from keystone.audit.models import AuditEvent
from keystone.mail.models import MailState, OutgoingMail
from keystone.sessions.models import Session
from keystone.testing.factories import PASSWORD, UserFactory, approver, superuser
from keystone.throttling.models import AttemptWindow
from tests.served.server import Answer, Server, at_once, link_token

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 10


def statuses(answers: list[Answer]) -> Counter[int]:
    return Counter(answer.status for answer in answers)


# -- One address, one account ------------------------------------------------------------------------------------
def register_at_once(server: Server, number: int) -> tuple[list[Answer], int, int]:
    """50 registrations of one address in three spellings: the answers, the people and the mails that came of them."""
    spellings = [f"Ann{number}@example.com", f"ann{number}@EXAMPLE.com", f" ANN{number}@example.com "]
    person = {"password": "a good long one", "first_name": "Ann"}
    calls: list[Callable[[], Answer]] = [
        lambda index=index: server.post("/api/auth/register/", person | {"email": spellings[index % 3]})  # type: ignore[misc]  # binds the index
        for index in range(50)
    ]
    answers = at_once(calls)
    AttemptWindow.objects.all().delete()  # the next round is another day
    people = User.objects.filter(email_normalized=f"ann{number}@example.com").count()
    mails = [mail for mail in server.mails() if mail["To"].lower() == f"ann{number}@example.com"]
    return answers, people, len(mails)


def test_50_registrations_of_one_address_make_one_person_and_one_mail(served: Server) -> None:
    for number in range(ROUNDS):
        answers, people, mails = register_at_once(served, number)
        assert (statuses(answers), people, mails) == ({202: 50}, 1, 1)
        assert len({answer.text for answer in answers}) == 1
    assert AuditEvent.objects.filter(action="user.registered").count() == ROUNDS


@contextmanager
def without_unique_addresses() -> Iterator[None]:
    """The table without what makes an address unique; put back, on an empty table, when the test is over."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE conrelid = 'keystone_user'::regclass AND contype = 'u'"
        )
        constraints = cursor.fetchall()
        for name, _ in constraints:
            cursor.execute(f'ALTER TABLE keystone_user DROP CONSTRAINT "{name}"')
        try:
            yield
        finally:
            cursor.execute("TRUNCATE keystone_user CASCADE")
            for name, definition in constraints:
                cursor.execute(f'ALTER TABLE keystone_user ADD CONSTRAINT "{name}" {definition}')


def test_control_without_the_constraint_one_address_makes_many_people(served: Server) -> None:
    with without_unique_addresses():
        _, people, mails = register_at_once(served, 0)
        assert people > 1
        assert mails == 1  # they are counted by email address, whoever has it


# -- A link works once -------------------------------------------------------------------------------------------
def use_at_once(server: Server, address: str) -> list[Answer]:
    """20 looks at the link of a registration, then 20 uses of it."""
    server.post("/api/auth/register/", {"email": address, "password": "a good long one", "first_name": "A"})
    [mail] = server.mails(address)
    token = link_token(mail)
    looks = at_once([lambda: server.get(f"/verify-email/{token}/")] * 20)
    assert statuses(looks) == {200: 20}
    answers = at_once([lambda: server.post("/api/auth/verify-email/", {"token": token})] * 20)
    AttemptWindow.objects.all().delete()  # the next round is another day
    return answers


def test_a_link_survives_20_looks_and_20_uses_at_once_do_its_work_once(served: Server) -> None:
    for number in range(ROUNDS):
        address = f"ann{number}@example.com"
        answers = use_at_once(served, address)
        assert statuses(answers) == {200: 20}  # those that came too late are told that it is done
        assert len({answer.text for answer in answers}) == 1
        user = User.objects.get(email=address)
        assert user.status == Status.PENDING_ADMIN_APPROVAL
        assert AuditEvent.objects.filter(action="user.email_verified", target_id=str(user.pk)).count() == 1
        assert len(served.mails(address)) == 2


def test_control_a_link_that_is_looked_at_and_then_used_works_more_than_once(stock: Server) -> None:
    used = [statuses(use_at_once(stock, f"ann{number}@example.com"))[200] for number in range(ROUNDS)]
    assert max(used) > 1


# -- A refresh token works once ----------------------------------------------------------------------------------
def refresh_at_once(server: Server, email: str) -> list[Answer]:
    pair = server.post("/api/auth/login/", {"email": email, "password": PASSWORD}).json
    return at_once([lambda: server.post("/api/auth/refresh/", {"refresh": pair["refresh"]})] * 20)


def test_20_refreshes_at_once_give_one_success(served: Server) -> None:
    user = UserFactory()
    for number in range(ROUNDS):
        answers = refresh_at_once(served, user.email)
        assert statuses(answers) == {200: 1, 409: 19}
        assert {answer.code for answer in answers} == {"", "token_just_used"}
        [won] = [answer for answer in answers if answer.status == 200]
        assert served.post("/api/auth/refresh/", {"refresh": won.json["refresh"]}).status == 200
        assert Session.objects.count() == number + 1


def test_control_without_the_lock_a_refresh_token_works_more_than_once(unguarded: Server) -> None:
    user = UserFactory()
    assert max(statuses(refresh_at_once(unguarded, user.email))[200] for _ in range(ROUNDS)) > 1


# -- One decision ------------------------------------------------------------------------------------------------
class Administrators:
    """Two administrators, each signed in to the API and to the admin."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.people = [superuser(), approver("view_user", "approve_user")]
        credentials = [{"email": person.email, "password": PASSWORD} for person in self.people]
        self.tokens = [server.post("/api/auth/login/", body).json["access"] for body in credentials]
        self.browsers = [server.browser().sign_in(person.email, PASSWORD) for person in self.people]

    def by_api(self, user: User, action: str) -> list[Callable[[], Answer]]:
        """One call of each."""
        path = f"/api/users/{user.pk}/{action}/"
        return [lambda token=token: self.server.post(path, {"reason": "r"}, token) for token in self.tokens]  # type: ignore[misc]  # binds the token

    def by_admin(self, user: User, action: str) -> list[Callable[[], Answer]]:
        """One confirmation of each, sent by the form of the admin."""
        path = decision_path(user, action)
        fields = {"reason": "r", "notify": "on"}
        return [lambda browser=browser: browser.send("POST", path, fields) for browser in self.browsers]  # type: ignore[misc]  # binds the browser


def decision_path(user: User, action: str) -> str:
    """The confirmation page of one decision."""
    return f"/admin/keystone/user/{user.pk}/{action}/"


def decisions(user: User) -> list[str]:
    events = AuditEvent.objects.filter(target_id=str(user.pk), action__in=["user.approved", "user.rejected"])
    return list(events.values_list("action", flat=True))


def test_20_approvals_at_once_by_two_administrators_are_one_decision(served: Server) -> None:
    administrators = Administrators(served)
    for number in range(ROUNDS):
        user = UserFactory(status=Status.PENDING_ADMIN_APPROVAL, email=f"waiting{number}@example.com")
        by_api = administrators.by_api(user, "approve") * 5
        by_admin = administrators.by_admin(user, "approve") * 5
        answers = at_once([call for pair in zip(by_api, by_admin, strict=True) for call in pair])
        api, admin = answers[0::2], answers[1::2]
        assert set(statuses(api)) <= {200, 409}
        assert statuses(api)[200] <= 1
        assert {answer.code for answer in api} <= {"", "already_decided"}
        assert statuses(admin) == {302: 10}
        assert User.objects.get(pk=user.pk).status == Status.ACTIVE
        assert decisions(user) == ["user.approved"]
        assert len(served.mails(user.email)) == 1


def test_decisions_and_undos_at_once_are_one_each(serve: Callable[..., Server]) -> None:
    server = serve(DECISION_UNDO_SECONDS="60")
    administrators = Administrators(server)
    for number in range(ROUNDS):
        user = UserFactory(status=Status.PENDING_ADMIN_APPROVAL, email=f"waiting{number}@example.com")
        assert statuses(at_once(administrators.by_admin(user, "approve") * 10)) == {302: 20}
        assert decisions(user) == ["user.approved"]
        assert list(OutgoingMail.objects.filter(user=user).values_list("state", flat=True)) == [MailState.QUEUED]
        address = f"/admin/keystone/user/undo/{DecisionUndo.objects.get(user=user).decision}/"
        undos = [partial(browser.send, "POST", address, {}) for browser in administrators.browsers]
        assert statuses(at_once(undos * 5)) == {302: 10}
        assert AuditEvent.objects.filter(target_id=str(user.pk), action="user.approval_undone").count() == 1
        assert User.objects.get(pk=user.pk).status == Status.PENDING_ADMIN_APPROVAL
        assert list(OutgoingMail.objects.filter(user=user).values_list("state", flat=True)) == [MailState.OBSOLETE]
    assert server.mails() == []


def test_approve_against_reject_is_one_decision(served: Server) -> None:
    administrators = Administrators(served)
    for number in range(ROUNDS):
        user = UserFactory(status=Status.PENDING_ADMIN_APPROVAL, email=f"waiting{number}@example.com")
        answers = at_once((administrators.by_api(user, "approve") + administrators.by_api(user, "reject")) * 5)
        assert statuses(answers) == {200: 1, 409: 19}
        [decision] = decisions(user)
        assert User.objects.get(pk=user.pk).status == {"user.approved": "active", "user.rejected": "rejected"}[decision]
        assert len(served.mails(user.email)) == 1


def test_control_without_the_lock_one_person_is_decided_on_more_than_once(unguarded: Server) -> None:
    administrators = Administrators(unguarded)
    made = []
    for number in range(ROUNDS):
        user = UserFactory(status=Status.PENDING_ADMIN_APPROVAL, email=f"waiting{number}@example.com")
        at_once(administrators.by_api(user, "approve") * 10)
        made.append((len(decisions(user)), len(unguarded.mails(user.email))))
    assert max(made) > (1, 1)


# -- The last superuser ------------------------------------------------------------------------------------------
def deactivate_each_other(server: Server) -> tuple[list[Answer], int]:
    """Two superusers who deactivate each other: the answers, and how many are left."""
    pair = [superuser(), superuser()]
    User.objects.exclude(pk__in=[person.pk for person in pair]).update(is_superuser=False)
    tokens = [
        server.post("/api/auth/login/", {"email": person.email, "password": PASSWORD}).json["access"] for person in pair
    ]
    answers = at_once(
        [
            lambda: server.post(f"/api/users/{pair[1].pk}/deactivate/", {}, tokens[0]),
            lambda: server.post(f"/api/users/{pair[0].pk}/deactivate/", {}, tokens[1]),
        ]
    )
    return answers, User.objects.active_superusers().count()


def test_two_superusers_who_deactivate_each_other_leave_one(served: Server) -> None:
    for _ in range(ROUNDS):
        answers, left = deactivate_each_other(served)
        assert min(answer.status for answer in answers) == 200
        assert left == 1


@contextmanager
def without_the_trigger() -> Iterator[None]:
    """The table without what guards the last superuser."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE keystone_user DISABLE TRIGGER keystone_superuser_left")
        try:
            yield
        finally:
            cursor.execute("ALTER TABLE keystone_user ENABLE TRIGGER keystone_superuser_left")


def test_control_without_lock_and_trigger_nobody_is_left(stock: Server) -> None:
    with without_the_trigger():
        assert min(deactivate_each_other(stock)[1] for _ in range(ROUNDS)) == 0
