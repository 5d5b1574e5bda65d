"""What is said when the tables are not those of the models."""

from collections.abc import Iterator

import pytest
from django.db import ProgrammingError, connection, transaction
from django.test import RequestFactory
from pytest_django import Settings

from keystone.accounts.models import User
from keystone.development.schema_hint import SchemaHintMiddleware, hint_for, schema_hint
from keystone.monitoring.health import database
from keystone.monitoring.health.migrations import changed_apps
from keystone.testing.factories import UserFactory

NOT_MADE = (
    "The models of keystone have changed. Run: manage.py db migrate MESSAGE --branch keystone; manage.py db upgrade"
)


@pytest.fixture
def changed_model(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    changed_apps.cache_clear()
    monkeypatch.setattr(User._meta.get_field("first_name"), "max_length", 77)
    yield
    changed_apps.cache_clear()


@pytest.mark.django_db
def test_nothing_is_said_where_models_and_tables_agree() -> None:
    assert schema_hint() == ""


@pytest.mark.django_db
def test_a_forgotten_migration_names_the_command_that_makes_it(changed_model: None) -> None:
    assert schema_hint() == NOT_MADE


@pytest.mark.django_db
def test_a_migration_that_is_not_applied_names_the_command_that_applies_it() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'project'")
    assert schema_hint() == "Migrations are not applied: project.0001_initial. Run: manage.py db upgrade"


@pytest.mark.django_db
def test_the_error_of_a_missing_column_carries_the_hint(changed_model: None) -> None:
    UserFactory()
    with pytest.raises(ProgrammingError) as missing, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT no_such_column FROM keystone_user")
    SchemaHintMiddleware(lambda _request: None).process_exception(  # type: ignore[arg-type, return-value]  # never called
        RequestFactory().get("/"), missing.value
    )
    assert missing.value.__notes__ == [NOT_MADE]
    with pytest.raises(ProgrammingError) as wrong, transaction.atomic():
        list(User.objects.raw("SELECT 1 +"))
    assert hint_for(wrong.value) == ""


@pytest.mark.django_db
def test_ready_reports_a_forgotten_migration_on_a_developers_machine_only(
    changed_model: None, settings: Settings
) -> None:
    assert database.check_database()["migrations"] == "ok"
    settings.DEBUG = True
    assert database.check_database()["migrations"] == "not made: keystone"
