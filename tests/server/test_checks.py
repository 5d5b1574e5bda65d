"""`server check`: what each look finds, that all of it is told at once, and that it is quiet where nothing is wrong."""

import json
import socket
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from keystone.background.models import WorkerProcess
from keystone.development.administrator import EMAIL
from keystone.scheduling.models import SchedulerProcess
from keystone.server.checks import held
from keystone.server.checks.configured import files, refused, static_files
from keystone.server.checks.findings import Finding, Severity, all_of, endangers, finding_of, stops
from keystone.server.checks.held import accounts, answers, migrations, processes
from keystone.server.checks.services import cache, mail
from keystone.testing.factories import superuser
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


def whats(found: list[Finding]) -> list[str]:
    return [finding.what for finding in found]


# -- All together, in processes of their own ---------------------------------------------------------------------
@pytest.mark.slow
def test_a_developers_machine_is_told_what_production_would_say(product: Product, fresh: OwnDatabase) -> None:
    product.write(".env", "REDIS_PROT=1\n").chmod(0o644)
    code, said, complained = product.run(
        "check", "--json", DATABASE_URL=fresh.url, SMTP_HOST="127.0.0.1", SMTP_PORT="1"
    )
    found = [finding_of(data) for data in json.loads(said)["findings"]]
    assert code == 1
    assert complained == "CommandError: 5 things would stop production.\n"
    assert [(finding.look, finding.what) for finding in found[:4]] == [
        ("settings", "SECRET_KEY is not set. Make a key of your own (see docs/operations.md)."),
        ("settings", "ALLOWED_HOSTS is not set. Name the host names that this server answers to."),
        ("settings", "PUBLIC_URL is not set. Say where this server is reached, as https://keystone.example.com."),
        ("static files", "The static files were not collected: pages would fail."),
    ]
    assert found[4].look == "migrations"
    assert {finding.severity for finding in found[5:]} == {Severity.ENDANGERS}
    assert "Mails cannot be sent: The mail server cannot be reached. Check SMTP_HOST and SMTP_PORT." in whats(found)
    assert ".env: nothing reads REDIS_PROT. Probably REDIS_PORT is meant." in whats(found)
    assert f"Others on this machine can read {product.folder.resolve()}/.env, which may hold secrets." in whats(found)
    assert all(finding.to_do for finding in found if finding.look not in {"settings", "deploy"})


@pytest.mark.slow
def test_production_that_refuses_to_start_is_looked_at_all_the_same(product: Product, fresh: OwnDatabase) -> None:
    surroundings = {**SAFE, "SECRET_KEY": "", "DEBUG": "true", "DATABASE_URL": fresh.url, "PUBLIC_URL": "http://x.test"}
    code, said, complained = product.run("check", **surroundings)
    lines = said.splitlines()
    assert code == 1
    assert lines[:3] == [
        "STOPS      settings: DEBUG is on. Its pages show settings and data to everybody: leave it out.",
        "STOPS      settings: SECRET_KEY is not set. Make a key of your own (see docs/operations.md).",
        "STOPS      settings: PUBLIC_URL must begin with https://: links in mails start with it.",
    ]
    assert any(line.startswith("STOPS      migrations: ") for line in lines)
    assert complained.endswith("things would stop production.\n")
    # No other command begins, this one's neighbours least of all.
    for arguments in (("config",), ("run",)):
        assert product.run(*arguments, **surroundings)[0] == 1


@pytest.mark.slow
def test_a_value_that_no_reader_takes_is_told(product: Product) -> None:
    code, said, _complained = product.run(
        "check", "--json", SECURE_HSTS_SECONDS="x", DATABASE_URL="postgresql://nobody@127.0.0.1:1/none"
    )
    found = [finding_of(data) for data in json.loads(said)["findings"]]
    assert code == 1
    assert found[0] == stops("settings", "SECURE_HSTS_SECONDS must be a whole number, not 'x'.")
    assert found[1].look == "database"
    assert found[1].what.startswith("The database does not answer: ")


# -- Settings ----------------------------------------------------------------------------------------------------
def test_what_the_settings_refuse_is_told(settings: Settings) -> None:
    assert list(refused()) == []
    settings.UNSAFE = ["DEBUG is on."]
    assert list(refused()) == [stops("settings", "DEBUG is on.")]


def test_static_files_must_be_collected_all_of_them(settings: Settings, tmp_path: Path) -> None:
    assert list(static_files()) == []  # they come from the packages here
    settings.STATIC_ROOT = tmp_path
    backend = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": backend}}
    assert whats(list(static_files())) == ["The static files were not collected: pages would fail."]
    staticfiles_storage.hashed_files = {"one.css": "one.1.css"}  # type: ignore[attr-defined]  # of the manifest's storage
    [found] = static_files()
    assert "static files were not collected: " in found.what
    assert found.to_do == "Run manage.py collectstatic --no-input."


def test_files_with_secrets_are_their_owners(settings: Settings, tmp_path: Path) -> None:
    settings.BASE_DIR = tmp_path
    file = tmp_path / ".env.local"
    file.write_text("A=1\n")
    file.chmod(0o600)
    assert list(files()) == []
    file.chmod(0o640)
    text = f"Others on this machine can read {file}, which may hold secrets."
    assert list(files()) == [endangers("files", text, f"Run chmod 600 {file}.")]


def test_a_cache_that_does_not_answer_is_told(settings: Settings) -> None:
    assert list(cache()) == []
    location = {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"}
    settings.CACHES = {"default": location}
    [found] = cache()
    assert found.what.startswith("Redis does not answer: ")


def test_a_mail_server_that_does_not_answer_is_told(settings: Settings) -> None:
    backend = "django.core.mail.backends.smtp.EmailBackend"
    settings.MAILERS = {"default": {"BACKEND": backend, "OPTIONS": {"host": "127.0.0.1", "port": 1, "timeout": 2}}}
    assert whats(list(mail())) == [
        "Mails cannot be sent: The mail server cannot be reached. Check SMTP_HOST and SMTP_PORT."
    ]


@pytest.mark.parametrize("is_there", [True, False], ids=["there", "away"])
def test_a_provider_that_cannot_be_reached_is_told(settings: Settings, is_there: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as api:
        port = api.getsockname()[1] if is_there else 1
        options = {"api_key": "hunter2", "api_url": f"http://127.0.0.1:{port}/"}
        settings.MAILERS = {"default": {"BACKEND": "anymail.backends.brevo.EmailBackend", "OPTIONS": options}}
        found = list(mail())
    to_do = "Let this machine reach the API of EMAIL_PROVIDER. Until then mails wait."
    away = endangers("mail", "Mails cannot be sent: The mail server cannot be reached.", to_do)
    assert found == ([] if is_there else [away])


# -- The database ------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_database_in_order_is_not_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [*answers(), *migrations()] == []
    monkeypatch.setattr(held, "CLOCKS_APART", -1.0)
    monkeypatch.setattr(held, "OLDEST_SERVER", 99)
    told = whats(list(answers()))
    assert told[0].endswith("; Keystone needs 99 or newer.")
    assert told[1] == "The clocks of this machine and of the database are 0.0 s apart."


@pytest.mark.django_db
def test_pending_and_unknown_migrations_are_told() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'project'")
        cursor.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('keystone', '9999_later', now())")
    pending, newer = migrations()
    assert (pending.severity, pending.what) == (Severity.STOPS, "1 migration is not applied: project.0001_initial")
    assert newer.what == "The database has migrations that this code does not have: keystone.9999_later"


@pytest.mark.django_db
def test_superusers_are_looked_at() -> None:
    assert whats(list(accounts())) == ["Nobody is an active superuser."]
    superuser(email=EMAIL, password="a word of its own 9")
    superuser(email="known@keystone.test", password="changethis")
    safe = superuser(email="safe@keystone.test", password="a word of its own 9")
    Authenticator.objects.create(user=safe, confirmed=True, confirmed_at=timezone.now())
    assert [(finding.severity.value, finding.what) for finding in accounts()] == [
        ("stops", f"The database holds a development account, whose password is published: {EMAIL}"),
        ("stops", "Superusers with a password that everybody knows: known@keystone.test"),
        ("endangers", f"Superusers without a second factor: {EMAIL}, known@keystone.test"),
    ]


@pytest.mark.django_db
def test_processes_without_a_sign_of_life_are_told() -> None:
    assert [finding.what.partition(" gives ")[0] for finding in processes()] == ["No worker", "No scheduler"]
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now()) RETURNING id")
        [worker] = cursor.fetchone()
    WorkerProcess.objects.create(worker_id=worker, name="one", queues=[], concurrency=1)
    SchedulerProcess.objects.create(name="one", last_heartbeat=timezone.now(), jobs={})
    assert list(processes()) == []
    SchedulerProcess.objects.update(last_heartbeat=timezone.now() - timedelta(minutes=5))
    assert [finding.what.partition(" gives ")[0] for finding in processes()] == ["No scheduler"]


def test_a_look_that_fails_is_told_and_the_others_are_taken() -> None:
    def fail() -> list[Finding]:
        raise ValueError("a\nb")

    found = list(all_of({"bad": fail, "good": lambda: [endangers("good", "x")]}))
    assert found == [endangers("bad", "This could not be looked at (ValueError: a b)."), endangers("good", "x")]
    assert [finding_of(finding.as_data()) for finding in found] == found
