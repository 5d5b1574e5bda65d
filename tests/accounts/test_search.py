"""Searching people by what they are called, in every script."""
# ruff: noqa: RUF001 - letters that look like others are what this is about

import importlib
import unicodedata
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from keystone.accounts import managers
from keystone.accounts.models import User
from keystone.accounts.status import Status
from keystone.actors.actor import Actor
from keystone.audit.log import event, record
from keystone.sessions.models import Session
from keystone.testing.factories import UserFactory
from tests.plans import analyze

pytestmark = pytest.mark.django_db

# First name, last name, what finds the person beside the names as they are shown, and what does not.
NAMES: tuple[tuple[str, str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("प्रिया", "शर्मा", ("प्रि", "शर्मा प्रिया"), ("रिया",)),
    ("श्\u200dरी", "नारायण", ("श्री",), ()),  # with a joiner that is not seen
    ("محمد", "عبد الرحمن", ("الرحمن", "محـــمد"), ("حمد",)),
    ("علی\u200cرضا", "مرادی", ("علی رضا", "علیرضا", "رضا"), ()),
    ("สมชาย", "ใจดี", ("สมช",), ("ชาย",)),
    ("太郎", "山田", ("山田太郎", "山田\u3000太郎"), ("田",)),
    ("민준", "김", ("김민준", unicodedata.normalize("NFD", "김민준")), ("준",)),
    ("さくら", "がく", (unicodedata.normalize("NFD", "がく"), "さく"), ()),
    ("ｱｷﾗ", "Ｔａｎａｋａ", ("アキラ", "tanaka"), ()),
    ("葛\U000e0100", "城", ("葛",), ()),  # with a variation selector
    ("Фёдор", "Достоевский", ("фёдор", "ДОСТОЕВСКИЙ"), ("едор",)),
    ("שָׁלוֹם", "בן־גוריון", ("גוריון", "בן גוריון"), ()),
    ("İsmail", "Işık", ("ismail", "ISMAIL", "i\u0307smail", "ışık", "IŞIK", "işık"), ()),
    ("Kılıç", "YILDIZ", ("kilıç", "KILIÇ", "yıldız", "Yildiz"), ()),
    ("Jürgen", "Weiß", ("WEISS", "weiss", "WEIẞ", "jürgen weiß"), ("urgen",)),
    ("ﬁona", "Œuvrard", ("fiona", "FIONA", "œuvrard"), ()),
    ("Jose\u0301", "Nu\u0301n\u0303ez", ("José", "JOSÉ", "Núñez", "nu\u0301n\u0303ez"), ()),
    ("Nguye\u0302\u0303n", "Đặng", ("Nguyễn", "đặng", unicodedata.normalize("NFD", "Đặng")), ()),
    ("Ὀδυσσεύς", "ΠΑΠΑΔΆΚΗΣ", ("ὀδυσσεύς", "ὈΔΥΣΣΕΎΣ", "παπαδάκης"), ()),
    ("Ann", "O\u2019Neil", ("O'Neil", "neil", "ONEIL", "O\u02bcNeil", "O\u2018Neil", "o`neil", "o neil"), ("eil",)),
    ("Ka\u02bbahumanu", "D'Arcy", ("kaʻa", "ahumanu", "darcy", "d\u2019arcy", "arcy"), ()),
    ("Jean-Pierre", "Saint\u2010Exupéry", ("pierre", "saint exupéry", "jean pierre", "SAINT-EXUPÉRY"), ()),
    ("Ann 🙂", "Zażółć", ("ann", "zażółć"), ()),
    ("Louis", "XIV 2nd", ("2nd", "xiv"), ("nd",)),
    ("Rami", "٣ خالد", ("٣",), ("3",)),
    ("João", "Conceição", ("joão", "CONCEIÇÃO"), ()),
    ("ᏣᎳᎩ", "Ⴀბგ", ("ꮳꮃꭹ",), ()),
    ("𐐀𐐁", "𞤀𞤁", ("𐐨𐐩", "𞤢𞤣"), ()),
    ("René\u00a0Luc", "van der Berg", ("luc", "der berg"), ()),
    ("カルロス・", "サンチェス", ("カルロス",), ()),
)


def test_whoever_types_a_name_as_it_is_shown_finds_the_person() -> None:
    for first, last, others, never in NAMES:
        user = UserFactory(first_name=first, last_name=last, email="zz9@sub.zz8.example")
        shown = User.objects.get(pk=user.pk)
        for form in ("NFC", "NFD", "NFKC"):
            for text in (shown.first_name, shown.last_name, shown.get_full_name(), first.upper(), last.lower()):
                typed = unicodedata.normalize(form, text)
                assert list(User.objects.search(typed)) == [user], ascii((form, typed))
        for text in others:
            assert list(User.objects.search(text)) == [user], (first, last, text)
        for text in never:
            assert list(User.objects.search(text)) == [], (first, last, text)
        user.delete()


def test_email_addresses_are_found_by_their_parts_and_in_both_spellings() -> None:
    user = UserFactory(first_name="", last_name="", email="Maria.da-Silva+News_2@mail.BÜCHER.example", verified=True)
    UserFactory(first_name="", last_name="", email="maria@other.example")
    for text in (
        "Maria.da-Silva+News_2@mail.BÜCHER.example",
        "maria.da-silva+news_2@mail.xn--bcher-kva.example",
        "mail.bücher",
        "bcher-kva",
        "silva+news",
        "news_2",
        "@mail",
        "2",
        "maria silva",
    ):
        assert list(User.objects.search(text)) == [user], text
    for text in ("aria.da", "ews_2", "bücher maria@other"):
        assert list(User.objects.search(text)) == [], text


def test_a_search_without_a_word_finds_nobody_and_an_empty_one_everybody() -> None:
    user = UserFactory()
    for text in ("", " ", "\u3000"):
        assert list(User.objects.search(text)) == [user]
    for text in ("-", "'", "🙂", "&|!:*", "\x00", "\ud800", "\u200d", "x" * 100_000, "person example " * 1_000):
        assert list(User.objects.search(text)) == [], ascii(text[:20])
    assert list(User.objects.search("per\x00 exam\ud800")) == [user]


def test_every_writer_keeps_what_is_searched_right() -> None:
    user = UserFactory(first_name="Ann", last_name="Bee", email="ann@example.com")

    def write(sql: str, *params: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql, params)

    def by_bulk_update() -> None:
        user.first_name = "Édith"
        User.objects.bulk_update([user], ["first_name"])

    def by_save() -> None:
        user.first_name = "Ο\u0301λγα"
        user.save(update_fields=["first_name"])

    writers = (
        (lambda: User.objects.filter(pk=user.pk).update(first_name="Zoe\u0308"), "Zoë"),
        (by_bulk_update, "édith"),
        (by_save, "όλγα"),
        (lambda: write("UPDATE keystone_user SET first_name = %s", "Jose\u0301"), "José"),
        (lambda: User.objects.filter(pk=user.pk).update(email="New@Example.org"), "example.org"),
    )
    for writer, text in writers:
        assert list(User.objects.search(text)) == [], text
        writer()
        assert list(User.objects.search(text)) == [user], text
    assert User.objects.values_list("first_name", flat=True).get() == "José"
    assert list(User.objects.search("όλγα")) == []


def test_search_reads_its_index_whatever_is_typed_and_however_few_are_asked_for() -> None:
    UserFactory.create_batch(3)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO keystone_user (id, email, email_normalized, first_name, last_name, password, status,"
            " status_changed_at, status_reason, approval_flow, rejection_count, created_at, updated_at,"
            " is_staff, is_superuser)"
            " SELECT gen_random_uuid(), address, address, 'Anna', 'Smith' || n, '', 'active',"
            " now(), '', 'none', 0, now() - n * interval '1 minute', now(), false, false"
            " FROM generate_series(1, 3000) AS n, concat('seeded', n, '@example.com') AS address"
        )
    analyze("keystone_user")
    for text in ("smith1717", "nobody", "anna", "anna smith2", "seeded2999@example.com"):
        for limit in (1, 50):
            plan = User.objects.search(text)[:limit].explain()
            assert "Bitmap Index Scan on user_search" in plan, (text, limit, plan)
    assert User.objects.search("smith1717").count() == 1
    assert User.objects.search("smith17").count() == 111


def test_the_rows_of_a_search_are_those_of_the_queryset_wherever_they_are_found(
    monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Callable[[int], Any]
) -> None:
    monkeypatch.setattr(managers, "WINDOW", 12)
    now = timezone.now()
    for number in range(40):
        smith = number % 2 == 0 or number > 25  # the newest are numbered first
        UserFactory(
            first_name="Anna",
            last_name="Smith" if smith else "Jones",
            status=Status.PENDING_EMAIL_VERIFICATION if number % 3 else Status.ACTIVE,
            created_at=now - timedelta(minutes=number // 2),  # in pairs
        )
    found = User.objects.search("anna smi")
    for people in (found, found.filter(status=Status.ACTIVE), User.objects.search("nobody"), User.objects.all()):
        for names in (("-created_at", "-id"), ("created_at", "id"), ("last_name", "id"), ("awaiting_since", "id")):
            ordered = people.order_by(*names)
            for start, stop in ((0, 5), (3, 8), (0, 40), (30, 35)):
                assert ordered.rows_between(start, stop) == list(ordered[start:stop]), (names, start, stop)
    with django_assert_num_queries(1):  # among the newest twelve
        assert len(found.order_by("-created_at", "-id").rows_between(0, 5)) == 5
    with django_assert_num_queries(2):
        assert len(found.order_by("-created_at", "-id").rows_between(0, 10)) == 10


def test_the_rule_needs_neither_a_locale_nor_an_extension() -> None:
    texts = [" ".join((first, last, *others)) for first, last, others, _never in NAMES]
    ours = []
    with connection.cursor() as cursor:
        cursor.execute("SELECT extname FROM pg_extension")
        assert cursor.fetchall() == [("plpgsql",)]
        for text in texts:
            cursor.execute("SELECT keystone_search_words(%s, true), keystone_search_query(%s)::text", [text, text])
            ours.append(cursor.fetchone())
    rules = importlib.import_module("keystone.migrations.0006_search")
    name = f"{connection.settings_dict['NAME']}_in_c"
    parameters = connection.get_connection_params()
    server = {key: parameters[key] for key in ("host", "port", "user", "password") if key in parameters}
    with psycopg.connect(dbname="postgres", autocommit=True, **server) as admin:
        admin.execute(f'DROP DATABASE IF EXISTS "{name}"')
        admin.execute(f"CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'")
        try:
            with psycopg.connect(dbname=name, **server) as other:
                other.execute(rules.WORDS)
                other.execute(rules.QUERY)
                theirs = [
                    other.execute(
                        "SELECT keystone_search_words(%s, true), keystone_search_query(%s)::text", [text, text]
                    ).fetchone()
                    for text in texts
                ]
        finally:
            admin.execute(f'DROP DATABASE "{name}"')
    assert theirs == ours


def test_the_rule_can_be_taken_back() -> None:
    user = UserFactory(first_name="Jose\u0301")
    executor = MigrationExecutor(connection)
    executor.migrate([("keystone", "0005_decisions_and_imports")])
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())
    assert User.objects.values_list("first_name", flat=True).get() == "José"
    assert list(User.objects.search("josé")) == [user]


@pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning")
def test_every_door_that_searches_people_finds_them(root: User, capsys: pytest.CaptureFixture[str]) -> None:
    admin, client = Client(), APIClient()
    admin.force_login(root)
    client.force_authenticate(root)
    fields: dict[str, Any] = {"status": Status.PENDING_ADMIN_APPROVAL}
    person = UserFactory(first_name="प्रिया", last_name="Jose\u0301 O\u2019Neil", email="p1@example.com", **fields)
    UserFactory(first_name="Ann", last_name="Bee", email="p2@example.com", **fields)
    Session.objects.create(user=person, refresh_digest="x", expires_at=timezone.now() + timedelta(days=1))
    record([event("user.changed", person, by=Actor.administrator(root))])
    for text in ("प्रिया", "José", "Jose\u0301", "O'Neil", "O\u2019Neil", "neil", "NEIL", "प्रिया José O\u2019Neil"):
        found = client.get("/api/users/", {"search": text}).json()["results"]
        assert [row["email"] for row in found] == ["p1@example.com"], text
        for page, count in (
            ("/admin/keystone/user/", 1),
            ("/admin/keystone/awaitingdecision/", 1),
            ("/admin/keystone/session/", 1),
            ("/admin/keystone/auditevent/", 1),
        ):
            rows = admin.get(page, {"q": text}).context["cl"].result_list
            assert len(rows) == count, (page, text)
        call_command("user", "list", "--search", text)
        said = capsys.readouterr().out
        assert "p1@example.com" in said, text
        assert "p2@example.com" not in said, text
        body = {"action": "reject", "filter": {"search": text, "status": "active"}, "reason": "x"}
        assert client.post("/api/users/bulk/", body, format="json").json()["succeeded"] == []
    assert client.get("/api/users/", {"search": "neil\x00"}).status_code == 400
    for count in (1, 3):
        with CaptureQueriesContext(connection) as queries:
            assert len(client.get("/api/users/", {"search": "neil"}).json()["results"]) == count
        # Among the newest, and by the index, since these don't fill a page.
        assert len(queries) == 2, [query["sql"] for query in queries.captured_queries]
        UserFactory.create_batch(2, last_name="O'Neil")
