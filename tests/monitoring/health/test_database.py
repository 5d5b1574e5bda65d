"""Each look at the database: what it finds, what it costs, and what of a fault is told."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.utils import timezone
from psycopg_pool import PoolTimeout
from pytest_django import DjangoAssertNumQueries, Settings

from keystone.mail.models import MailState, OutgoingMail
from keystone.monitoring.health import database
from keystone.scheduling.models import SchedulerProcess
from tests.background.rows import age, process, waiting
from tests.mail.rows import outgoing

FINE = dict.fromkeys((*database.CRITICAL, *database.OTHERS), "ok")
DISK_FULL = "DO $$ BEGIN RAISE EXCEPTION 'could not write to /var/lib/secret' USING ERRCODE = '53100'; END $$"


def test_all_is_well_in_ten_statements(living: None, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(10):  # begin and commit among them
        assert database.check_database() == FINE


@pytest.mark.django_db
def test_the_statement_that_writes_goes_to_a_temporary_file() -> None:
    with connection.cursor() as cursor:
        cursor.execute(database.BEGIN, {"timeout": "1500"})
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) {database.WRITE}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "temp read=7 written=7" in plan  # pages of 8 kB


def test_a_full_disk_is_told_and_nothing_of_its_text(living: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "WRITE", DISK_FULL)
    said = database.check_database()
    assert (said["database"], said["migrations"], said["disk"]) == ("ok", "ok", "full")
    assert "secret" not in str(said)
    monkeypatch.undo()
    assert database.check_database() == FINE  # it recovers unaided


@pytest.mark.django_db(transaction=True)
def test_a_database_that_takes_no_writes_is_told(living: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
        try:
            assert database.check_database() == {**FINE, "database": "read only"}
        finally:
            cursor.execute("RESET default_transaction_read_only")


def test_a_statement_that_hangs_ends_by_itself(living: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "STATEMENT_MS", 100)
    monkeypatch.setattr(database, "WRITE", "SELECT pg_sleep(60)")
    unknown = dict.fromkeys(("disk", *database.OTHERS), "unknown")
    assert database.check_database() == {**FINE, **unknown}


def test_without_a_connection_all_else_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OperationalError("connection to 10.1.2.3 failed")

    monkeypatch.setattr(connection, "ensure_connection", refuse)
    assert database.check_database() == {**dict.fromkeys(FINE, "unknown"), "database": "unreachable"}


@pytest.mark.parametrize(("size", "said"), [(16, "pool exhausted"), (2, "unreachable")])
def test_a_pool_that_gave_nothing_in_time_is_full_or_cut_off(
    monkeypatch: pytest.MonkeyPatch, size: int, said: str
) -> None:
    def wait() -> None:
        raise OperationalError("couldn't get a connection after 5.00 sec") from PoolTimeout()

    figures = {"pool_available": 0, "pool_size": size, "pool_max": 16}
    monkeypatch.setattr("keystone.monitoring.health.pool.pool_figures", lambda: figures)
    monkeypatch.setattr(connection, "ensure_connection", wait)
    assert database.check_database() == {**dict.fromkeys(FINE, "unknown"), "database": said}


@pytest.mark.django_db
def test_with_a_migration_missing_the_tables_are_left_alone() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'keystone' AND name = '0001_initial'")
    unknown = dict.fromkeys(database.OTHERS, "unknown")
    assert database.check_database() == {**FINE, **unknown, "migrations": "1 unapplied"}
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE django_migrations RENAME TO another_name")
    assert database.check_database()["migrations"].endswith(" unapplied")


@pytest.mark.django_db
def test_workers_and_schedulers_that_were_silent_for_long_do_not_count() -> None:
    process(silent=31)
    SchedulerProcess.objects.create(name="dead", last_heartbeat=timezone.now() - timedelta(seconds=31))
    said = database.check_database()
    assert (said["worker"], said["scheduler"]) == ("none", "none")
    process("host-2")
    SchedulerProcess.objects.create(name="alive", last_heartbeat=timezone.now())
    said = database.check_database()
    assert (said["worker"], said["scheduler"]) == ("ok", "ok")


@pytest.mark.django_db
def test_the_queue_is_behind_when_something_is_due_for_too_long(settings: Settings) -> None:
    assert database.check_database()["queue"] == "ok"
    age(waiting(), timedelta(minutes=4))
    waiting(at=timezone.now() + timedelta(hours=1))
    assert database.check_database()["queue"] == "ok"
    settings.KEYSTONE = {"QUEUE_BEHIND_AFTER": timedelta(minutes=3)}
    assert database.check_database()["queue"] == "behind"


def _sent(*, ago: timedelta) -> OutgoingMail:
    return outgoing(MailState.SENT, sent_at=timezone.now() - ago)


def _failing(*, attempts: int = 2, **fields: str) -> OutgoingMail:
    later = timezone.now() + timedelta(minutes=1)
    kept = {"last_error": "The mail server cannot be reached.", **fields}
    return outgoing(MailState.QUEUED, attempts=attempts, next_attempt_at=later, **kept)


@pytest.mark.django_db
def test_mail_fails_while_attempts_fail_and_none_succeeds() -> None:
    assert not database.mail_fails()
    _failing(attempts=1)  # which may be about its address
    _failing(last_error="")  # which was never tried
    outgoing(MailState.FAILED, last_error="The mail server refuses the address: 550")
    assert not database.mail_fails()
    _sent(ago=timedelta(minutes=1))
    _failing()
    assert database.mail_fails()
    _sent(ago=timedelta(0))
    assert not database.mail_fails()


@pytest.mark.parametrize("make", [lambda: None, _failing])
@pytest.mark.django_db
def test_asking_for_mail_costs_two_queries_at_most(
    make: Callable[[], object], django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    make()
    with django_assert_max_num_queries(2):
        database.mail_fails()
