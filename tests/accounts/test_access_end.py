"""Setting the end of access: by whom, for whom, over the API and on the person's page."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from keystone.accounts.authority import OwnAccount, ProtectedAccount
from keystone.accounts.editing import AccessEndsInThePast, change_access_end, change_user
from keystone.accounts.models import User
from keystone.actors.actor import Actor
from keystone.audit.models import AuditEvent
from keystone.audit.words import action_in_words
from keystone.testing.factories import UserFactory, approver, superuser
from tests.approval.admin_pages import NAMES, browser, page_of, told
from tests.contract.roles import SignedIn

pytestmark = pytest.mark.django_db
END = datetime(2037, 5, 1, 12, 30, tzinfo=UTC)
FORM = {**NAMES, "access_ends_at_0": "2037-05-01", "access_ends_at_1": "12:30:00"}


@pytest.fixture
def editor() -> User:
    return approver("view_user", "change_user")


def end_of(user: User) -> datetime | None:
    fresh: User = User.objects.get(pk=user.pk)
    return fresh.access_ends_at


def test_an_end_is_set_changed_and_taken_away_each_with_an_event(root: User) -> None:
    user = UserFactory()
    for end in (END, END + timedelta(days=1), None, None):
        change_access_end(user, by=Actor.administrator(root), at=end)
        assert (end_of(user), user.access_ends_at) == (end, end)
    events = AuditEvent.objects.order_by("pk")
    assert [event.action for event in events] == ["user.access_end_changed"] * 3
    assert events[0].changes == {"access_ends_at": [None, "2037-05-01T12:30:00Z"]}
    assert action_in_words(events[0].action) == "End of access changed"


def test_an_end_lies_in_the_future() -> None:
    user = UserFactory()
    with pytest.raises(AccessEndsInThePast):
        change_access_end(user, by=Actor.system(), at=timezone.now())
    assert end_of(user) is None


def test_nobody_sets_their_own_and_staff_none_of_staff(root: User, editor: User) -> None:
    for by in (Actor.administrator(root), Actor.person(root)):
        with pytest.raises(OwnAccount):
            change_access_end(root, by=by, at=END)
    with pytest.raises(ProtectedAccount):
        change_access_end(approver(), by=Actor.administrator(editor), at=END)


def test_names_and_end_are_changed_together_or_not_at_all(editor: User) -> None:
    user = UserFactory(first_name="Ann")
    by = Actor.administrator(editor)
    with pytest.raises(ProtectedAccount):
        change_user(user, by=by, access_ends_at=END, is_staff=True)
    assert end_of(user) is None
    change_user(user, by=by, first_name="Anna", access_ends_at=END)
    change_user(user, by=by, first_name="Anne")  # what is not given stays
    assert (end_of(user), User.objects.get(pk=user.pk).first_name) == (END, "Anne")


def test_the_api_sets_shows_and_takes_an_end_away(editor: User, signed_in: SignedIn) -> None:
    user = UserFactory()
    api, address = signed_in(editor), f"/api/users/{user.pk}/"
    answer = api.patch(address, {"access_ends_at": "2037-05-01T12:30:00Z"})
    assert (answer.status_code, answer.json()["access_ends_at"]) == (200, "2037-05-01T12:30:00Z")
    assert api.patch(address, {"first_name": "Anne"}).json()["access_ends_at"] == "2037-05-01T12:30:00Z"
    answer = api.patch(address, {"access_ends_at": "2001-01-01T00:00:00Z"}).json()["error"]
    assert (answer["code"], answer["fields"]) == (
        "ends_in_the_past",
        {"access_ends_at": ["The end must be in the future."]},
    )
    assert api.patch(address, {"access_ends_at": "soon"}).status_code == 400
    assert api.patch(address, {"access_ends_at": None}).json()["access_ends_at"] is None
    own = api.patch(f"/api/users/{editor.pk}/", {"access_ends_at": "2037-05-01T12:30:00Z"})
    assert (own.status_code, own.json()["error"]["code"]) == (403, "own_account")
    assert signed_in(approver()).patch(address, {"access_ends_at": None}).status_code == 403


def test_the_persons_page_sets_an_end(editor: User) -> None:
    user = UserFactory()
    client = browser(editor)
    assert client.post(page_of(user), FORM).status_code == 302
    assert end_of(user) == END
    page = client.get(page_of(user)).content.decode()
    assert 'value="2037-05-01"' in page
    assert client.post(page_of(user), {**NAMES, "access_ends_at_0": "", "access_ends_at_1": ""}).status_code == 302
    assert end_of(user) is None


def test_the_persons_page_refuses_an_end_that_has_passed_unless_it_is_there_already(editor: User) -> None:
    user = UserFactory()
    past = {"access_ends_at_0": "2001-05-01", "access_ends_at_1": "12:30:00"}
    answer = browser(editor).post(page_of(user), {**NAMES, **past})
    assert answer.status_code == 200
    assert "The end must be in the future." in answer.content.decode()
    User.objects.filter(pk=user.pk).update(access_ends_at=datetime(2001, 5, 1, 12, 30, tzinfo=UTC))
    assert browser(editor).post(page_of(user), {**NAMES, **past}).status_code == 302


def test_a_form_that_does_not_touch_the_end_leaves_it_to_the_microsecond(editor: User) -> None:
    user = UserFactory(access_ends_at=END.replace(microsecond=123_456), **NAMES)
    browser(editor).post(page_of(user), {**FORM, "first_name": "Anne"})
    assert end_of(user) == END.replace(microsecond=123_456)
    assert AuditEvent.objects.get().changes == {"first_name": ["Ann", "Anne"]}


def test_nobody_sets_their_own_end_on_their_page(root: User) -> None:
    superuser()
    client = browser(root)
    assert 'name="access_ends_at_0"' not in client.get(page_of(root)).content.decode()
    answer = client.post(page_of(root), FORM)
    assert (end_of(root), len(told(answer))) == (None, 1)
