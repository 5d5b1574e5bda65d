"""The same made-up people in the database of each site, inserted by SQL."""

import os
import subprocess
import sys
from collections.abc import Callable

import psycopg

from benchmarks.sites import PASSWORD, REFERENCES, ROOT, Site

RARE, COMMON = "zyzzyva", "smith"  # last names of 5 people, and of a tenth of all
# By the number of the person.
FIRST = "(ARRAY['Anna','Ben','Carla','David','Eva','Felix','Grace','Hugo','Ida','Jon'])[1 + mod(n * 7, 10)]"
LAST = (
    f"CASE WHEN mod(n, greatest(%(count)s / 5, 1)) = 3 THEN '{RARE.title()}' WHEN mod(n, 10) = 0"
    f" THEN '{COMMON.title()}'"
    " ELSE 'Name' || mod(n, 5000) END"
)
EMAIL = "'person' || n || '@example.com'"
CREATED = "now() - make_interval(secs => (%(count)s - n) * 60)"
SERIES = "FROM generate_series(1, %(count)s) AS n"
DJOSER = f"""
INSERT INTO auth_user (password, is_superuser, username, first_name, last_name, email, is_staff, is_active, date_joined)
SELECT %(hash)s, n = 1, {EMAIL}, {FIRST}, {LAST}, {EMAIL}, n = 1, true, {CREATED} {SERIES}
"""
FASTAPI = f"""
INSERT INTO users (id, email, full_name, hashed_password, is_active, is_superuser, created_at)
SELECT gen_random_uuid(), {EMAIL}, {FIRST} || ' ' || {LAST}, %(hash)s, true, n = 1, {CREATED} {SERIES}
"""


def fill(site: Site, url: str, count: int) -> None:
    """Create the tables of a site and insert people, of whom the first is a superuser, and know a page in the middle.

    Args:
        url: the database.
        count: the number of people.
    """
    environment = {**os.environ, **site.environment, "BENCHMARK_PASSWORD": PASSWORD, "BENCHMARK_PEOPLE": str(count)}

    def run(*command: str) -> str:
        done = subprocess.run(  # noqa: S603 - our own
            command, cwd=site.folder, env=environment, check=True, stdout=subprocess.PIPE, text=True
        )
        return done.stdout

    FILL[site.name](site, url, count, run)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


Run = Callable[..., str]


def _keystone(site: Site, url: str, count: int, run: Run) -> None:
    run(sys.executable, "manage.py", "db", "upgrade")
    site.deep = run(sys.executable, "-m", "benchmarks.people").strip()


def _djoser(site: Site, url: str, count: int, run: Run) -> None:
    python = site.command[0]
    run(python, "djoser_site.py", "migrate", "--verbosity", "0")
    make = "import djoser_site, os; from django.contrib.auth.hashers import make_password as m"
    hashed = run(python, "-c", f"{make}; print(m(os.environ['BENCHMARK_PASSWORD']))").strip()
    _insert(url, DJOSER, count, hashed)
    site.deep = f"page={max(1, count // 50)}"


def _fastapi(site: Site, url: str, count: int, run: Run) -> None:
    hashed = run(site.command[0], str(REFERENCES / "fastapi_site.py")).strip()
    _insert(url, FASTAPI, count, hashed)
    site.deep = f"skip={count // 2}"


def _insert(url: str, statement: str, count: int, hashed: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(statement, {"count": count, "hash": hashed})


FILL: dict[str, Callable[[Site, str, int, Run], None]] = {"keystone": _keystone, "djoser": _djoser, "fastapi": _fastapi}


def _insert_in_keystone() -> str:
    """Insert people into the database of the settings.

    Returns:
        The query string of a page in the middle of the list.
    """
    import django

    django.setup()
    from django.contrib.auth.hashers import make_password
    from django.db import connection, transaction

    from keystone.accounts.models import User
    from keystone.accounts.status import ApprovalFlow, Status
    from keystone.api.cursors import Cursor

    count = int(os.environ["BENCHMARK_PEOPLE"])
    status = (
        "CASE WHEN mod(n, 10) < 7 OR n < 1000 THEN 'active' WHEN mod(n, 10) < 9 THEN 'pending_admin_approval'"
        " ELSE 'rejected' END"
    )
    made = {
        "id": "gen_random_uuid()",
        "email": EMAIL,
        "email_normalized": EMAIL,
        "first_name": FIRST,
        "last_name": LAST,
        "status": status,
        "awaiting_since": CREATED,
        "decided_at": CREATED,
        "rejection_count": "CASE WHEN mod(n, 10) = 9 THEN 1 ELSE 0 END",
        "is_staff": "n = 1",
        "is_superuser": "n = 1",
        "created_at": CREATED,
        "updated_at": CREATED,
        "status_changed_at": CREATED,
    }
    template = User(
        email="person@example.com",
        password=make_password(os.environ["BENCHMARK_PASSWORD"]),
        status=Status.ACTIVE,
        approval_flow=ApprovalFlow.EMAIL_VERIFICATION_AND_ADMIN_APPROVAL,
        email_verified_at=django.utils.timezone.now(),
    )
    columns, values, arguments = [], [], {"count": count}
    for field in User._meta.concrete_fields:
        if field.generated:
            continue
        value = getattr(template, field.attname)
        if field.attname not in made and hasattr(value, "resolve_expression"):
            continue  # a default of the database
        columns.append(field.column)
        if field.attname in made:
            values.append(made[field.attname])
        else:
            values.append(f"%({field.attname})s")
            arguments[field.attname] = field.get_db_prep_save(value, connection)
    names = ", ".join(f'"{column}"' for column in columns)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO keystone_user ({names}) SELECT {', '.join(values)} {SERIES}", arguments)
    rows = User.objects.order_by("-created_at", "-pk").values_list("created_at", "pk")
    when, key = rows[count // 2]
    return f"cursor={Cursor('-created_at', (when.isoformat(), str(key))).encode()}"


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    print(_insert_in_keystone())
