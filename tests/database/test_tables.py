"""The rows of the tables: counted where there are few, estimated where there are many, and cheap either way."""

import uuid
from collections.abc import Iterator

import psycopg
import pytest
from django.db import connection

from keystone.database.tables import Table, tables
from keystone.testing.factories import UserFactory
from tests.database.own_database import OURS, OwnDatabase

pytestmark = pytest.mark.django_db


@pytest.fixture
def somebody() -> "Iterator[psycopg.Connection[object]]":
    """Another connection to this test's database, in a transaction that ends with the test."""
    parameters = {name: value for name, value in connection.get_connection_params().items() if name not in OURS}
    other = OwnDatabase(parameters["dbname"], parameters).connect()
    other.autocommit = False
    yield other
    other.rollback()
    other.close()


def run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def filled(rows: int) -> None:
    run("CREATE TABLE trial (number int)")
    run(f"INSERT INTO trial SELECT generate_series(1, {rows})")


def trial() -> Table:
    [found] = [table for table in tables() if table.name.endswith("trial")]
    return found


def rows_read() -> int:
    """How many rows of the table this transaction has read one after the other."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = 'trial'")
        [number] = cursor.fetchone()
    return int(number)


@pytest.mark.parametrize("rows", [0, 1, 99_999])
def test_fewer_than_100_000_rows_are_counted(rows: int) -> None:
    filled(rows)
    found = trial()
    assert (found.rows, found.estimated) == (rows, False)
    assert found.size is not None
    assert (found.size > 0) is (rows > 0)


def test_100_000_rows_are_estimated_and_never_below_what_was_seen() -> None:
    filled(100_000)
    found = trial()
    assert found.estimated
    assert found.rows is not None
    assert 100_000 <= found.rows < 130_000


def test_a_large_table_that_nobody_has_analysed_is_read_no_further_than_100_000_rows() -> None:
    filled(300_000)
    before = rows_read()
    found = trial()
    assert found.estimated
    assert found.rows is not None
    assert 200_000 < found.rows < 400_000
    assert rows_read() - before == 100_000


def test_a_table_that_is_known_to_be_large_is_not_read_at_all() -> None:
    filled(1_000)
    run("ANALYZE trial")
    run("UPDATE pg_class SET reltuples = 100000000 WHERE relname = 'trial'")
    before = rows_read()
    found = trial()
    assert (found.rows, found.estimated) == (100_000_000, True)
    assert rows_read() == before


def test_an_estimate_grows_with_the_table() -> None:
    filled(150_000)
    run("ANALYZE trial")
    assert trial().rows == 150_000
    run("INSERT INTO trial SELECT generate_series(1, 150000)")
    grown = trial()
    assert grown.estimated
    assert grown.rows == pytest.approx(300_000, rel=0.02)


def test_every_table_is_listed_by_name_and_rows() -> None:
    UserFactory.create_batch(3)
    found = tables()
    names = [table.name for table in found]
    assert names == sorted(names)
    assert set(connection.introspection.table_names()) <= {*names, "pg_stat_statements"}
    [people] = [table for table in found if table.name == "keystone_user"]
    assert (people.rows, people.estimated) == (3, False)


def test_names_are_quoted_and_schemas_are_told() -> None:
    run('CREATE SCHEMA "other"')
    run('CREATE TABLE "other"."odd ""%s {0} trial" (number int)')
    run('INSERT INTO "other"."odd ""%s {0} trial" VALUES (1), (2)')
    found = trial()
    assert (found.name, found.rows, found.estimated) == ('other.odd "%s {0} trial', 2, False)


def test_a_partitioned_table_is_one() -> None:
    run("CREATE TABLE trial (number int) PARTITION BY RANGE (number)")
    run("CREATE TABLE trial_low PARTITION OF trial FOR VALUES FROM (0) TO (10)")
    run("CREATE TABLE trial_high PARTITION OF trial FOR VALUES FROM (10) TO (20)")
    run("INSERT INTO trial VALUES (1), (2), (11)")
    assert [(table.name, table.rows) for table in tables() if table.name.startswith("trial")] == [("trial", 3)]


def test_a_table_that_this_role_may_not_read_is_estimated() -> None:
    filled(1_000)
    run("ANALYZE trial")
    role = f"powerless_{uuid.uuid4().hex[:8]}"  # roles are the whole server's
    run(f"CREATE ROLE {role}")
    run(f"SET LOCAL ROLE {role}")
    found = trial()
    assert (found.rows, found.estimated) == (1_000, True)
    assert found.size is not None


def test_a_locked_table_does_not_hold_it_up(somebody: "psycopg.Connection[object]") -> None:
    somebody.execute("LOCK TABLE keystone_user IN ACCESS EXCLUSIVE MODE")
    found = tables()
    assert {table.estimated for table in found} == {True}
    assert {table.size for table in found} == {None}
    assert "keystone_user" in [table.name for table in found]
