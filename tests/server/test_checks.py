"""Deployment checks and `server check`: what each finds, that all is reported at once, and that nothing is where all is
well.
"""

import json
import socket
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core import checks
from django.core.checks.registry import registry
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from keystone.accounts.checks import check_superuser
from keystone.background.checks import check_workers
from keystone.background.models import WorkerProcess
from keystone.caching.checks import check_redis
from keystone.checks import check_refused_settings
from keystone.database import checks as database_checks
from keystone.database.checks import check_database
from keystone.development.administrator import EMAIL
from keystone.development.checks import check_known_passwords
from keystone.mail.checks import check_mail_server
from keystone.scheduling.checks import check_schedulers
from keystone.scheduling.models import SchedulerProcess
from keystone.server import checking
from keystone.server.checks import check_env_files, check_static_files
from keystone.testing.factories import superuser
from keystone.two_factor.checks import check_second_factors
from keystone.two_factor.models import Authenticator
from tests.database.own_database import OwnDatabase
from tests.server.conftest import Product

pytestmark = pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning")

SAFE = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": "k8Jd-2mQx_7Zt0Wc4Vb9Ny6Lp3Rf1Hs5Gu8Ae-XoKiTqEwDzSj",
    "ALLOWED_HOSTS": "keystone.example.com",
    "PUBLIC_URL": "https://keystone.example.com",
    "EMAILS_FROM_EMAIL": "no-reply@keystone.test",
}


def texts(found: list[checks.CheckMessage]) -> list[str]:
    return [message.msg for message in found]


# -- All together, in processes of their own ---------------------------------------------------------------------
@pytest.mark.slow
def test_a_developers_machine_is_told_what_production_would_say(product: Product, fresh: OwnDatabase) -> None:
    product.write(".env", "REDIS_PROT=1\n").chmod(0o644)
    code, said, complained = product.run(
        "check", "--json", DATABASE_URL=fresh.url, SMTP_HOST="127.0.0.1", SMTP_PORT="1"
    )
    found = json.loads(said)["findings"]
    assert code == 1
    assert complained == "CommandError: 5 problems would stop production.\n"
    errors = {(one["id"], one["message"]) for one in found if one["severity"] == "error"}
    assert {
        ("keystone.E005", "SECRET_KEY is not set. Make a key of your own (see docs/operations.md)."),
        ("keystone.E005", "ALLOWED_HOSTS is not set. Name the host names that this server answers to."),
        ("keystone.E005", "PUBLIC_URL is not set. Say where this server is reached, as https://keystone.example.com."),
        ("keystone.E050", "The static files were not collected: pages would fail."),
    } < errors
    assert {name for name, _message in errors} == {"keystone.E005", "keystone.E050", "keystone.E064"}
    assert [one["severity"] for one in found[:6]] == ["error"] * 5 + ["warning"]
    told = {one["message"] for one in found}
    assert "Mails cannot be sent: The mail server cannot be reached. Check SMTP_HOST and SMTP_PORT." in told
    assert ".env: unknown setting REDIS_PROT. Did you mean REDIS_PORT?" in told
    assert f"Others on this machine can read {product.folder.resolve()}/.env, which may contain secrets." in told
    assert all(one["hint"] for one in found if one["id"].startswith("keystone") and one["id"] != "keystone.E005")


@pytest.mark.slow
def test_production_that_refuses_to_start_is_looked_at_all_the_same(product: Product, fresh: OwnDatabase) -> None:
    surroundings = {**SAFE, "SECRET_KEY": "", "DEBUG": "true", "DATABASE_URL": fresh.url, "PUBLIC_URL": "http://x.test"}
    code, said, complained = product.run("check", **surroundings)
    lines = said.splitlines()
    assert code == 1
    assert {
        "STOPS      DEBUG is on. Its pages show settings and data to everybody: leave it out. (keystone.E005)",
        "STOPS      SECRET_KEY is not set. Make a key of your own (see docs/operations.md). (keystone.E005)",
        "STOPS      PUBLIC_URL must begin with https://: links in mails start with it. (keystone.E005)",
    } < set(lines)
    assert any(line.startswith("STOPS ") and line.endswith(" (keystone.E064)") for line in lines)
    assert complained.endswith("problems would stop production.\n")
    # No other command begins, this one's neighbours least of all.
    for arguments in (("config",), ("run",)):
        assert product.run(*arguments, **surroundings)[0] == 1


@pytest.mark.slow
def test_a_value_that_no_reader_takes_is_told(product: Product) -> None:
    code, said, _complained = product.run(
        "check", "--json", SECURE_HSTS_SECONDS="x", DATABASE_URL="postgresql://nobody@127.0.0.1:1/none"
    )
    found = json.loads(said)["findings"]
    assert code == 1
    assert found[0]["message"] == "SECURE_HSTS_SECONDS must be a whole number, not 'x'."
    assert (found[1]["id"], found[1]["message"][:30]) == ("keystone.E060", "The database does not answer: ")


# -- Settings ----------------------------------------------------------------------------------------------------
def test_what_the_settings_refuse_is_told(settings: Settings) -> None:
    assert check_refused_settings() == []
    settings.UNSAFE = ["DEBUG is on."]
    assert check_refused_settings() == [checks.Error("DEBUG is on.", id="keystone.E005")]


def test_static_files_must_be_collected_all_of_them(settings: Settings, tmp_path: Path) -> None:
    assert check_static_files() == []  # they come from the packages here
    settings.STATIC_ROOT = tmp_path
    backend = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": backend}}
    assert texts(check_static_files()) == ["The static files were not collected: pages would fail."]
    staticfiles_storage.hashed_files = {"one.css": "one.1.css"}  # type: ignore[attr-defined]  # of the manifest's storage
    [found] = check_static_files()
    assert "static files were not collected: " in found.msg
    assert found.hint == "Run manage.py collectstatic --no-input."


def test_files_with_secrets_are_their_owners(settings: Settings, tmp_path: Path) -> None:
    settings.BASE_DIR = tmp_path
    file = tmp_path / ".env.local"
    file.write_text("A=1\n")
    file.chmod(0o600)
    assert check_env_files() == []
    file.chmod(0o640)
    text = f"Others on this machine can read {file}, which may contain secrets."
    assert check_env_files() == [checks.Warning(text, hint=f"Run chmod 600 {file}.", id="keystone.W051")]


def test_a_cache_that_does_not_answer_is_told(settings: Settings) -> None:
    assert check_redis() == []
    location = {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"}
    settings.CACHES = {"default": location}
    [found] = check_redis()
    assert found.msg.startswith("Redis does not answer: ")


def test_a_mail_server_that_does_not_answer_is_told(settings: Settings) -> None:
    backend = "django.core.mail.backends.smtp.EmailBackend"
    settings.MAILERS = {"default": {"BACKEND": backend, "OPTIONS": {"host": "127.0.0.1", "port": 1, "timeout": 2}}}
    assert texts(check_mail_server()) == [
        "Mails cannot be sent: The mail server cannot be reached. Check SMTP_HOST and SMTP_PORT."
    ]


@pytest.mark.parametrize("is_there", [True, False], ids=["there", "away"])
def test_a_provider_that_cannot_be_reached_is_told(settings: Settings, is_there: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as api:
        port = api.getsockname()[1] if is_there else 1
        options = {"api_key": "hunter2", "api_url": f"http://127.0.0.1:{port}/"}
        settings.MAILERS = {"default": {"BACKEND": "anymail.backends.brevo.EmailBackend", "OPTIONS": options}}
        found = check_mail_server()
    hint = "Allow this machine to reach the API of EMAIL_PROVIDER. Until then mails are queued."
    away = checks.Warning("Mails cannot be sent: The mail server cannot be reached.", hint=hint, id="keystone.W013")
    assert found == ([] if is_there else [away])


# -- The database ------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_database_in_order_is_not_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_database() == []
    monkeypatch.setattr(database_checks, "CLOCKS_APART", -1.0)
    monkeypatch.setattr(database_checks, "OLDEST_SERVER", 99)
    told = texts(check_database())
    assert told[0].endswith("; Keystone needs 99 or newer.")
    assert told[1] == "The clocks of this machine and of the database are 0.0 s apart."


@pytest.mark.django_db
def test_pending_and_unknown_migrations_are_told() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'project'")
        cursor.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('keystone', '9999_later', now())")
    pending, newer = check_database()
    assert (pending.level, pending.msg) == (checks.ERROR, "1 migration is not applied: project.0001_initial")
    assert newer.msg == "The database has migrations that this code does not have: keystone.9999_later"


@pytest.mark.django_db
def test_superusers_are_looked_at() -> None:
    assert texts(check_superuser()) == ["There is no active superuser."]
    superuser(email=EMAIL, password="a word of its own 9")
    superuser(email="known@keystone.test", password="changethis")
    safe = superuser(email="safe@keystone.test", password="a word of its own 9")
    Authenticator.objects.create(user=safe, confirmed=True, confirmed_at=timezone.now())
    assert check_superuser() == []
    assert [(message.level, message.msg) for message in [*check_known_passwords(), *check_second_factors()]] == [
        (checks.ERROR, f"The database contains a development account, whose password is public: {EMAIL}"),
        (checks.ERROR, "Superusers with a well-known password: known@keystone.test"),
        (checks.WARNING, f"Superusers without a second factor: {EMAIL}, known@keystone.test"),
    ]


@pytest.mark.django_db
def test_processes_without_a_sign_of_life_are_told() -> None:
    assert texts(check_workers()) == ["No worker is running: mails and tasks are waiting."]
    [none] = texts(check_schedulers())
    assert none.startswith("No scheduler is running")
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now()) RETURNING id")
        [worker] = cursor.fetchone()
    WorkerProcess.objects.create(worker_id=worker, name="one", queues=[], concurrency=1)
    SchedulerProcess.objects.create(name="one", last_heartbeat=timezone.now(), jobs={})
    assert (check_workers(), check_schedulers()) == ([], [])
    SchedulerProcess.objects.update(last_heartbeat=timezone.now() - timedelta(minutes=5))
    assert texts(check_schedulers()) == [none]


@pytest.mark.django_db
def test_rows_that_cannot_be_read_are_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first migration, as the checks of the database say."""
    monkeypatch.setattr(WorkerProcess._meta, "db_table", "nowhere")
    assert check_workers() == []


@pytest.mark.django_db
def test_a_check_that_fails_is_told_and_the_others_are_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> list[checks.CheckMessage]:
        raise ValueError("a\nb")

    monkeypatch.setattr(registry, "get_checks", lambda **_: [fail, check_refused_settings])
    fail.tags = ()  # type: ignore[attr-defined]  # as registered checks have them
    [found] = checking.check_settings()
    assert found == checks.Warning("The check fail failed (ValueError: a b).", id="keystone.W090")
    assert checking.message_of(checking.as_data(found)) == checks.Warning(found.msg, hint="", id=found.id)


@pytest.mark.django_db
def test_djangos_own_command_runs_them() -> None:
    with pytest.raises(SystemCheckError, match="No worker is running"):
        call_command("check", deploy=True, databases=["default"])
