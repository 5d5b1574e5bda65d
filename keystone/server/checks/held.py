"""Checks of the database: reachable, up to date, superusers, workers."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.contrib.auth.hashers import check_password
from django.db import connection
from django.utils.translation import gettext, ngettext

from keystone.accounts.models import User
from keystone.accounts.status import Status
from keystone.background.reading import running_workers
from keystone.database.branches import branches, loaded
from keystone.database.server import NoAnswer, ask
from keystone.development import administrator, sample_people
from keystone.development.known_accounts import KnownAccounts, known_accounts
from keystone.scheduling.processes import alive
from keystone.server.checks.findings import Finding, Look, Severity, all_of, endangers, stops
from keystone.two_factor.models import Authenticator

OLDEST_SERVER = 15
TIMEOUT = 5.0  # seconds
CLOCKS_APART = 2.0  # seconds
TRIED = (administrator.PASSWORD, sample_people.PASSWORD, "changethis", "changeme", "password", "admin", "keystone")
MOST = 20  # people whose passwords are tried: each try takes a core for some 20 ms
SHOWN = 3


def answers() -> Iterator[Finding]:
    """Whether the database answers, is new enough, takes writes, and has our time.

    Raises:
        NoAnswer: it does not answer.
    """
    answer = ask(timeout=TIMEOUT)
    if int(answer.version.partition(".")[0]) < OLDEST_SERVER:
        text = gettext("The server is PostgreSQL %(version)s; Keystone needs %(oldest)s or newer.")
        yield stops("database", text % {"version": answer.version, "oldest": OLDEST_SERVER})
    if answer.standby or answer.read_only:
        text = gettext("The database takes no writes: it is a standby, or read only.")
        yield stops("database", text, gettext("Name the server that does."))
    apart = _clocks_apart()
    if apart > CLOCKS_APART:
        text = gettext("The clocks of this machine and of the database are %(seconds).1f s apart.")
        to_do = gettext("Let both follow a time server: links, codes and tokens live by the time.")
        yield endangers("database", text % {"seconds": apart}, to_do)


def _clocks_apart() -> float:
    """Seconds, less what the question itself may have taken."""
    with connection.cursor() as cursor:
        before = datetime.now(UTC)
        cursor.execute("SELECT clock_timestamp()")
        [theirs] = cursor.fetchone()
        after = datetime.now(UTC)
    apart: timedelta = max(before - theirs, theirs - after, timedelta(0))
    return apart.total_seconds()


def migrations() -> Iterator[Finding]:
    """Whether the database has the migrations of this code, and no others."""
    loader = loaded()
    pending = [f"{branch.label}.{name}" for branch in branches(loader) for name in branch.pending]
    if pending:
        text = ngettext(
            "%(count)d migration is not applied: %(some)s",
            "%(count)d migrations are not applied: %(some)s",
            len(pending),
        )
        to_do = gettext("Run manage.py db upgrade, or manage.py server prestart.")
        yield stops("migrations", text % {"count": len(pending), "some": _some(pending)}, to_do)
    replaced = {key for migration in loader.disk_migrations.values() for key in migration.replaces}
    known = {*loader.disk_migrations, *replaced}
    newer = sorted(key for key in loader.applied_migrations if key[0] in loader.migrated_apps and key not in known)
    if newer:
        text = gettext("The database has migrations that this code does not have: %(some)s")
        to_do = gettext("Run the newer code, or take them back with it.")
        yield endangers("migrations", text % {"some": _some([".".join(key) for key in newer])}, to_do)


def accounts() -> Iterator[Finding]:
    """Whether there is a superuser, and whether anybody could sign in as one."""
    superusers = User.objects.filter(is_superuser=True, status=Status.ACTIVE).order_by("email")
    if found := known_accounts():
        yield stops("accounts", KnownAccounts(found).detail, str(KnownAccounts.hint))
    if not superusers.exists():
        yield endangers(
            "accounts",
            gettext("Nobody is an active superuser."),
            gettext(
                "Run manage.py user create --is-superuser, or set FIRST_SUPERUSER and run manage.py server prestart."
            ),
        )
    known = [user.email for user in superusers[:MOST] if _has_known_password(user)]
    if known:
        yield stops(
            "accounts",
            gettext("Superusers with a password that everybody knows: %(some)s") % {"some": _some(known)},
            gettext("Run manage.py user set-password for each."),
        )
    confirmed = Authenticator.objects.filter(confirmed=True).values("user")
    without = list(superusers.exclude(pk__in=confirmed).values_list("email", flat=True)[: SHOWN + 1])
    if without:
        yield endangers(
            "accounts",
            gettext("Superusers without a second factor: %(some)s") % {"some": _some(without)},
            gettext("With TWO_FACTOR_REQUIRED, each sets one up at the next sign-in."),
        )


def processes() -> Iterator[Finding]:
    """Whether anybody sends mails, and keeps the schedule."""
    if not any(worker.is_alive for worker in running_workers()):
        yield endangers(
            "processes",
            gettext("No worker gives a sign of life: mails and tasks wait."),
            gettext("Start manage.py worker beside the server."),
        )
    if not alive().exists():
        yield endangers(
            "processes",
            gettext("No scheduler gives a sign of life: nothing is pruned, lifted or reminded of."),
            gettext("Start manage.py scheduler beside the server."),
        )


def _has_known_password(user: User) -> bool:
    name = user.email.partition("@")[0]
    return user.has_usable_password() and any(check_password(word, user.password) for word in (*TRIED, name))


def _some(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (" …" if len(names) > SHOWN else "")


AFTER_MIGRATIONS: dict[str, Look] = {"accounts": accounts, "processes": processes}


def held() -> Iterator[Finding]:
    """All looks at the database. Where it does not answer, or lacks migrations, that is all that can be told."""
    try:
        yield from answers()
        found = list(migrations())
    except NoAnswer as refusal:
        yield stops("database", refusal.detail, gettext("Start it, or correct DATABASE_URL or POSTGRES_*."))
        return
    yield from found
    if not any(finding.severity == Severity.STOPS for finding in found):
        yield from all_of(AFTER_MIGRATIONS)
