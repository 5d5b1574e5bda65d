from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from keystone.accounts.models import User
from keystone.accounts.status import ApprovalFlow, Status
from keystone.testing.factories import UserFactory, superuser

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("status", Status)
def test_is_active_is_what_the_status_says(status: Status) -> None:
    user = UserFactory(status=status)
    user.refresh_from_db()
    assert user.is_active is (status is Status.ACTIVE)


@pytest.mark.parametrize(
    ("status", "values", "constraint"),
    [
        (Status.ACTIVE, {"status": "frozen"}, "user_status_known"),
        (Status.ACTIVE, {"approval_flow": "magic"}, "user_flow_known"),
        (
            Status.PENDING_EMAIL_VERIFICATION,
            {"email_verified_at": timezone.now()},
            "user_pending_email_is_unverified",
        ),
        (Status.PENDING_ADMIN_APPROVAL, {"email_verified_at": None}, "user_queued_after_verification"),
        (Status.PENDING_ADMIN_APPROVAL, {"awaiting_since": None}, "user_queued_since"),
        (Status.REJECTED, {"decided_at": None}, "user_rejected_at"),
        (Status.REJECTED, {"rejection_count": 0}, "user_rejected_at"),
        (Status.SUSPENDED, {"status_reason": ""}, "user_suspended_for_a_reason"),
        (Status.ACTIVE, {"suspended_until": timezone.now()}, "user_only_suspended_has_an_end"),
        (Status.ACTIVE, {"is_superuser": True}, "user_superuser_is_staff"),
        (Status.ACTIVE, {"email_normalized": ""}, "user_has_an_address"),
    ],
)
def test_impossible_states_are_refused_by_the_database(status: Status, values: dict[str, Any], constraint: str) -> None:
    user = UserFactory(status=status)
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        User.objects.filter(pk=user.pk).update(**values)


def test_one_address_is_one_account_in_any_spelling() -> None:
    UserFactory(email="Ann@Example.com")
    with pytest.raises(IntegrityError, match="email_normalized"), transaction.atomic():
        UserFactory(email="ann@EXAMPLE.com")
    assert User.objects.with_email(" ANN@example.com").get().email == "Ann@Example.com"
    assert not User.objects.with_email("no address").exists()


def test_clean_tells_of_an_address_in_use() -> None:
    UserFactory(email="ann@example.com")
    with pytest.raises(ValidationError) as caught:
        UserFactory.build(email="ANN@example.com").clean()
    assert caught.value.message_dict == {"email": ["A person with this email address already exists."]}


def test_save_keeps_the_normalized_address_in_step() -> None:
    user = UserFactory()
    user.email = "Other@Example.com"
    user.save(update_fields=["email"])
    user.refresh_from_db()
    assert (user.email, user.email_normalized) == ("Other@Example.com", "other@example.com")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("zoë", True),
        ("ZO", True),
        ("müll", True),
        ("zoë müller", True),
        ("müller zoë", True),
        ("zoe.work", True),
        ("example", True),
        ("zoe.work@sub.example.com", True),
        ("oë", False),
        ("zoë schmidt", False),
        ("'; DROP TABLE --", False),
        ("' & ! | :* (", False),
        ("", True),
        ("   ", True),
    ],
)
def test_search_finds_word_prefixes_of_name_and_address(text: str, found: bool) -> None:
    user = UserFactory(first_name="Zoë", last_name="Müller", email="zoe.work@sub.example.com")
    assert (user in User.objects.search(text)) is found


def test_search_uses_its_index() -> None:
    UserFactory.create_batch(3)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    assert "user_search" in User.objects.search("person").order_by().explain()


def test_the_last_superuser_stays_even_in_plain_sql() -> None:
    last = superuser()
    with pytest.raises(IntegrityError, match="last active superuser"), transaction.atomic():
        User.objects.filter(pk=last.pk).update(is_superuser=False)
    with pytest.raises(IntegrityError, match="last active superuser"), transaction.atomic():
        User.objects.filter(pk=last.pk).delete()
    superuser()
    User.objects.filter(pk=last.pk).delete()
    assert User.objects.active_superusers().count() == 1


def test_named_reads_give_the_queue() -> None:
    waiting = UserFactory(status=Status.PENDING_ADMIN_APPROVAL)
    unverified = UserFactory(status=Status.PENDING_EMAIL_VERIFICATION)
    UserFactory()
    assert list(User.objects.awaiting_approval()) == [waiting]
    assert set(User.objects.undecided()) == {waiting, unverified}


def test_names_fall_back_to_what_is_known() -> None:
    user = UserFactory.build(first_name="", last_name="", email="ann@example.com")
    assert (user.get_full_name(), user.get_short_name(), str(user)) == ("ann@example.com",) * 3
    user.first_name, user.last_name = "Ann", "Bee"
    assert (user.get_full_name(), user.get_short_name()) == ("Ann Bee", "Ann")


def test_createsuperuser_makes_an_audited_account() -> None:
    user = User.objects.create_superuser("root@example.com", "a good long password", first_name="R")
    assert (user.is_active, user.is_staff, user.is_superuser) == (True, True, True)
    assert user.email_verified_at is not None
    assert User.objects.get_by_natural_key("ROOT@example.com") == user


@pytest.mark.parametrize(
    ("password", "names", "said"),
    [
        ("password", {}, "This password is too common"),
        ("Admin@1234", {}, "This password is too common"),  # the README names it
        ("ruth.root@example.com", {}, "The password is too similar to the email address."),
        ("Wilhelmina", {"first_name": "Wilhelmina"}, "The password is too similar to the first name."),
        ("a good long password", {"last_name": "see www.evil.example"}, "A name has no web address in it."),
    ],
)
def test_createsuperuser_takes_no_weak_password_and_no_name_that_is_none(
    monkeypatch: pytest.MonkeyPatch, password: str, names: dict[str, str], said: str
) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", password)
    fields = {"email": "ruth.root@example.com", "first_name": "R", "last_name": "R", **names}
    with pytest.raises(CommandError, match=said):
        call_command("createsuperuser", interactive=False, **fields)
    assert not User.objects.exists()


def test_createsuperuser_without_a_password_makes_an_account_that_nobody_can_sign_in_to() -> None:
    call_command("createsuperuser", interactive=False, email="root@example.com", first_name="R", last_name="R")
    assert not User.objects.get().has_usable_password()


@pytest.mark.parametrize(
    ("value", "flow"),
    [
        ("none", ApprovalFlow.NONE),
        ("pending_email_verification", ApprovalFlow.EMAIL_VERIFICATION),
        ("pending_admin_approval", ApprovalFlow.ADMIN_APPROVAL),
        ("email_verification_and_admin_approval", ApprovalFlow.EMAIL_VERIFICATION_AND_ADMIN_APPROVAL),
    ],
)
def test_approval_flow_knows_upstreams_names(value: str, flow: ApprovalFlow) -> None:
    assert ApprovalFlow.parse(value) is flow


def test_a_person_waits_since_a_time_in_the_past() -> None:
    since = UserFactory(status=Status.PENDING_ADMIN_APPROVAL).awaiting_since
    assert since is not None
    assert since < timezone.now() - timedelta(minutes=59)


def test_local_parts_are_folded_by_case_only() -> None:
    user = UserFactory(email="Straße@BÜCHER.example")
    assert user.email_normalized == "straße@xn--bcher-kva.example"
    assert list(User.objects.with_email("STRASSE@bücher.example")) == []
    assert UserFactory(email="strasse@bücher.example").pk != user.pk
