import pytest
from django.db import IntegrityError, connection, transaction

from keystone.actors.actor import Actor
from keystone.audit.log import event, record
from keystone.audit.models import AuditEvent
from keystone.observability.origin import current_origin, origin
from keystone.testing.factories import UserFactory

pytestmark = pytest.mark.django_db


def test_an_event_keeps_who_what_and_where() -> None:
    user = UserFactory(email="ann@example.com")
    with origin(request_id="abc", ip_address="2001:db8::1"):
        record([event("user.greeted", user, by=Actor.job("greetings"), reason="r", note="n", changes={"a": [1, 2]})])
    stored = AuditEvent.objects.get()
    assert str(stored) == "user.greeted ann@example.com"
    assert (stored.actor_id, stored.actor_kind, stored.actor_label) == (None, "job", "greetings")
    assert (stored.target_type, stored.target_id) == ("user", str(user.pk))
    assert (stored.reason, stored.note, stored.changes) == ("r", "n", {"a": [1, 2]})
    assert (stored.ip_address, stored.request_id) == ("2001:db8::1", "abc")
    assert current_origin().request_id == ""


def test_the_actors_name_themselves() -> None:
    user = UserFactory(email="ann@example.com")
    assert (Actor.person(user).kind, Actor.person(user).label) == ("person", "ann@example.com")
    assert Actor.cli().kind == "cli"
    assert Actor.cli().label
    assert Actor.system().label == "keystone"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE keystone_auditevent SET reason = 'forged'",
        "DELETE FROM keystone_auditevent",
        "ALTER TABLE keystone_auditevent ENABLE TRIGGER keystone_audit_table; TRUNCATE keystone_auditevent",
    ],
)
def test_the_log_only_grows(statement: str) -> None:
    record([event("user.greeted", UserFactory(), by=Actor.system())])
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert AuditEvent.objects.get().reason == ""


def test_the_log_outlives_the_account() -> None:
    user = UserFactory(email="ann@example.com")
    record([event("user.greeted", user, by=Actor.person(user))])
    user.delete()
    stored = AuditEvent.objects.get()
    assert (stored.actor_label, stored.target_label) == ("ann@example.com", "ann@example.com")
