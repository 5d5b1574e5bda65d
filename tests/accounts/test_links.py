"""Using the links of mails."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from keystone.accounts import lifecycle, tokens
from keystone.accounts.email_change import confirm_email_change, revert_email_change
from keystone.accounts.links import LinkUsed, find_link, use_link
from keystone.accounts.models import User
from keystone.accounts.password_reset import reset_password
from keystone.accounts.status import Status
from keystone.accounts.tokens import InvalidToken, OneTimeToken, Purpose, digest
from keystone.accounts.verification import verify_email
from keystone.actors.actor import Actor
from keystone.audit.models import AuditEvent
from keystone.mail.models import OutgoingMail
from keystone.observability.origin import origin
from keystone.privacy.erasing import erase_person
from keystone.sessions.sign_out import end_all_sessions
from keystone.testing.factories import UserFactory, superuser
from keystone.throttling.limits import TooManyAttempts
from keystone.throttling.models import AttemptWindow
from tests.accounts.mailed_links import token_for

pytestmark = pytest.mark.django_db

VERBS = {
    Purpose.VERIFY_EMAIL: verify_email,
    Purpose.RESET_PASSWORD: lambda token: reset_password(token, new_password="another long password"),
    Purpose.CONFIRM_EMAIL: confirm_email_change,
    Purpose.REVERT_EMAIL: revert_email_change,
}


def somebody(purpose: Purpose) -> User:
    """A person whom a link of this purpose is mailed to."""
    return UserFactory(status=Status.PENDING_EMAIL_VERIFICATION if purpose is Purpose.VERIFY_EMAIL else Status.ACTIVE)


def email_for(purpose: Purpose) -> str:
    return "other@example.com" if purpose in {Purpose.CONFIRM_EMAIL, Purpose.REVERT_EMAIL} else ""


def traces() -> tuple[int, int, list[dict[str, Any]]]:
    """What a link that works leaves behind."""
    return AuditEvent.objects.count(), OutgoingMail.objects.count(), list(User.objects.order_by("pk").values())


@pytest.mark.parametrize("purpose", Purpose)
def test_a_link_works_once(purpose: Purpose) -> None:
    user = somebody(purpose)
    token = token_for(user, purpose, email=email_for(purpose))
    assert VERBS[purpose](token) == user
    OneTimeToken.objects.filter(digest=digest(token)).update(used_at=timezone.now() - tokens.REPEATED)
    with pytest.raises(InvalidToken) as caught:
        VERBS[purpose](token)
    assert type(caught.value) is InvalidToken


def test_a_link_that_only_confirms_says_so_again_for_some_minutes_and_changes_nothing() -> None:
    for purpose in (Purpose.VERIFY_EMAIL, Purpose.CONFIRM_EMAIL, Purpose.REVERT_EMAIL):
        user = somebody(purpose)
        address = email_for(purpose) and f"{purpose}@example.com"
        token = token_for(user, purpose, email=address)
        late = find_link(token, purpose=purpose)
        VERBS[purpose](token)
        before = traces()
        with origin(ip_address="192.0.2.7"):
            assert VERBS[purpose](token) == user
        with pytest.raises(LinkUsed):  # of two that found it
            use_link(late)
        assert traces() == before
        assert AttemptWindow.objects.filter(count__gt=0).count() == 0
        OneTimeToken.objects.filter(digest=digest(token)).update(expires_at=timezone.now())
        assert VERBS[purpose](token) == user
        assert traces() == before


def test_a_link_that_set_a_password_says_so_and_sets_no_other() -> None:
    user = UserFactory()
    token = token_for(user, Purpose.RESET_PASSWORD)
    reset_password(token, new_password="another long password")
    before = traces()
    with pytest.raises(LinkUsed) as caught:
        reset_password(token, new_password="a third long password")
    assert (caught.value.code, caught.value.status) == ("invalid_token", 400)
    assert caught.value.detail == "This link has just been used. There is nothing left to do."
    assert traces() == before


def test_what_a_link_did_is_told_only_while_it_holds() -> None:
    by = Actor.administrator(superuser())
    verified, succeeded, closed = (
        somebody(purpose) for purpose in (Purpose.VERIFY_EMAIL, *[Purpose.CONFIRM_EMAIL] * 2)
    )
    used = {
        verified: (Purpose.VERIFY_EMAIL, token_for(verified, Purpose.VERIFY_EMAIL)),
        succeeded: (Purpose.CONFIRM_EMAIL, token_for(succeeded, Purpose.CONFIRM_EMAIL, email="moved@example.com")),
        closed: (Purpose.CONFIRM_EMAIL, token_for(closed, Purpose.CONFIRM_EMAIL, email="closed@example.com")),
    }
    for purpose, token in used.values():
        VERBS[purpose](token)
    lifecycle.reject_user(verified, by=by, reason="why")
    succeeded.email = "again@example.com"
    succeeded.save()
    lifecycle.deactivate_user(closed, by=by)
    for purpose, token in used.values():
        with pytest.raises(InvalidToken) as caught:
            VERBS[purpose](token)
        assert type(caught.value) is InvalidToken


@pytest.mark.parametrize("purpose", [Purpose.VERIFY_EMAIL, Purpose.RESET_PASSWORD, Purpose.CONFIRM_EMAIL])
def test_a_link_ends_its_siblings(purpose: Purpose) -> None:
    user = somebody(purpose)
    first, second = (token_for(user, purpose, email=email_for(purpose)) for _ in range(2))
    VERBS[purpose](second)
    with pytest.raises(InvalidToken):
        VERBS[purpose](first)


@pytest.mark.parametrize("purpose", Purpose)
def test_a_link_is_good_for_its_purpose_only(purpose: Purpose) -> None:
    token = token_for(UserFactory(verified=False), purpose, email=email_for(purpose))
    for other, verb in VERBS.items():
        if other is not purpose:
            with pytest.raises(InvalidToken):
                verb(token)
    assert OneTimeToken.objects.get(digest=digest(token)).used_at is None


@pytest.mark.parametrize("purpose", Purpose)
def test_a_link_expires(purpose: Purpose) -> None:
    token = token_for(somebody(purpose), purpose, email=email_for(purpose))
    OneTimeToken.objects.update(expires_at=timezone.now())
    with pytest.raises(InvalidToken):
        VERBS[purpose](token)


@pytest.mark.parametrize("purpose", [Purpose.VERIFY_EMAIL, Purpose.RESET_PASSWORD])
def test_a_link_of_the_account_ends_with_its_address(purpose: Purpose) -> None:
    user = somebody(purpose)
    token = token_for(user, purpose)
    user.email = "moved@example.com"
    user.save()
    with pytest.raises(InvalidToken):
        VERBS[purpose](token)
    user.refresh_from_db()
    assert (user.email_verified_at is None) is (purpose is Purpose.VERIFY_EMAIL)


@pytest.mark.parametrize("purpose", [purpose for purpose in Purpose if purpose is not Purpose.REVERT_EMAIL])
def test_links_end_with_a_suspension_by_an_administrator(purpose: Purpose) -> None:
    user = UserFactory(verified=purpose is not Purpose.VERIFY_EMAIL)
    token = token_for(user, purpose, email=email_for(purpose))
    lifecycle.suspend_user(user, by=Actor.administrator(superuser()), reason="why")
    lifecycle.reactivate_user(user, by=Actor.administrator(superuser()))
    with pytest.raises(InvalidToken):
        VERBS[purpose](token)


@pytest.mark.parametrize("purpose", Purpose)
def test_links_end_with_signing_out_everywhere_except_the_one_that_takes_an_address_back(purpose: Purpose) -> None:
    user = UserFactory(verified=purpose is not Purpose.VERIFY_EMAIL)
    token = token_for(user, purpose, email=email_for(purpose))
    end_all_sessions(user, by=Actor.person(user))
    if purpose is Purpose.REVERT_EMAIL:
        assert VERBS[purpose](token) == user
    else:
        with pytest.raises(InvalidToken):
            VERBS[purpose](token)


def test_looking_uses_nothing_up_and_costs_no_attempt() -> None:
    user = UserFactory()
    token = token_for(user, Purpose.RESET_PASSWORD)
    with origin(ip_address="192.0.2.7"):
        for _ in range(20):
            assert find_link(token, purpose=Purpose.RESET_PASSWORD).user == user
        with pytest.raises(InvalidToken):
            find_link("nonsense", purpose=Purpose.RESET_PASSWORD)
    assert AttemptWindow.objects.get().count == 1
    assert OneTimeToken.objects.get().used_at is None


def test_guesses_are_limited_by_ip_address_and_then_a_right_token_helps_no_more(settings: Settings) -> None:
    settings.KEYSTONE = {"ATTEMPTS_PER_IP": 3}
    token = token_for(UserFactory(), Purpose.RESET_PASSWORD)
    with origin(ip_address="192.0.2.7"):
        for _ in range(3):
            with pytest.raises(InvalidToken):
                find_link("nonsense", purpose=Purpose.RESET_PASSWORD)
        with pytest.raises(TooManyAttempts) as caught:
            reset_password(token, new_password="another long password")
        assert 0 < (caught.value.retry_after or 0) <= 900
    with origin(ip_address="192.0.2.8"):
        assert find_link(token, purpose=Purpose.RESET_PASSWORD).used_at is None


def test_of_two_that_found_a_link_one_uses_it() -> None:
    token = token_for(UserFactory(), Purpose.RESET_PASSWORD)
    first, second = (find_link(token, purpose=Purpose.RESET_PASSWORD) for _ in range(2))
    use_link(first)
    with pytest.raises(InvalidToken):
        use_link(second)


def test_an_address_that_is_proved_is_not_proved_again() -> None:
    token = token_for(UserFactory(), Purpose.VERIFY_EMAIL)
    with pytest.raises(InvalidToken):
        verify_email(token)
    assert OneTimeToken.objects.get().used_at is None


def test_a_link_of_an_account_that_has_gone_is_not_valid() -> None:
    user = UserFactory()
    found = find_link(token_for(user, Purpose.RESET_PASSWORD), purpose=Purpose.RESET_PASSWORD)
    user.delete()
    with pytest.raises(InvalidToken):
        use_link(found)


def test_the_database_holds_digests_only() -> None:
    user = UserFactory()
    token = token_for(user, Purpose.REVERT_EMAIL, email="Ada@Example.com")
    row = OneTimeToken.objects.values().get()
    assert row["digest"] == digest(token)
    assert (row["email"], row["email_normalized"]) == ("Ada@Example.com", "ada@example.com")
    assert token not in str(row)
    assert str(OneTimeToken.objects.get()) == f"revert a change of email address #{row['id']}"


@pytest.mark.parametrize("end", ["expiry", "use"])
def test_what_was_reserved_ends_like_a_token(end: str) -> None:
    right = tokens.reserve(
        purpose=Purpose.CONFIRM_EMAIL, user=UserFactory(), email="new@example.com", lifetime=timedelta(hours=1)
    )
    assert tokens.reserved(str(right.pk)) == right
    past = timezone.now() - timedelta(seconds=1)
    OneTimeToken.objects.update(**{"expires_at": past} if end == "expiry" else {"used_at": past})
    assert tokens.reserved(str(right.pk)) is None


@pytest.mark.parametrize("purpose", Purpose)
def test_a_link_that_an_erasure_overtakes_is_invalid(purpose: Purpose) -> None:
    user = somebody(purpose)
    found = find_link(token_for(user, purpose, email=email_for(purpose)), purpose=purpose)
    erase_person(User.objects.get(pk=user.pk), by=Actor.cli())
    with pytest.raises(InvalidToken) as caught:
        use_link(found)
    assert type(caught.value) is InvalidToken
