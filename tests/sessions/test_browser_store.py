import asyncio

import pytest
from asgiref.sync import sync_to_async
from django.contrib.sessions.models import Session
from django.db import connections
from django.test import Client
from django.utils import timezone

from keystone.sessions.browser_store import SessionStore, stored_key
from keystone.testing.factories import superuser

pytestmark = pytest.mark.django_db


def test_the_table_holds_the_digest_of_the_cookies_key() -> None:
    client = Client()
    client.force_login(superuser())
    key = client.cookies["sessionid"].value
    [row] = Session.objects.all()
    assert row.session_key == stored_key(key)
    assert key not in str(Session.objects.values().get())
    assert client.get("/admin/").status_code == 200
    thief = Client()
    thief.cookies["sessionid"] = row.session_key
    assert thief.get("/admin/").status_code == 302


def test_a_session_is_kept_found_changed_and_deleted() -> None:
    store = SessionStore()
    store["a"] = 1
    store.save()
    key = store.session_key
    assert key is not None
    assert store.exists(key)
    again = SessionStore(key)
    assert again["a"] == 1
    again["a"] = 2
    again.save()
    assert SessionStore(key)["a"] == 2
    again.cycle_key()
    assert not store.exists(key)
    assert SessionStore(again.session_key)["a"] == 2
    again.flush()
    assert not Session.objects.exists()


def test_an_expired_or_unknown_key_is_an_empty_session() -> None:
    store = SessionStore()
    store["a"] = 1
    store.save()
    key = store.session_key
    Session.objects.update(expire_date=timezone.now())
    for unknown in (key, "x" * 32, None):
        found = SessionStore(unknown)
        assert "a" not in found
        assert found.session_key is None
    SessionStore().delete()
    SessionStore("x" * 32).delete()


@pytest.mark.django_db(transaction=True)
def test_the_asynchronous_forms_use_the_digest_too() -> None:
    async def walk() -> str:
        store = SessionStore()
        await store.aset("a", 1)
        await store.asave()
        key = store.session_key
        assert key is not None
        assert await store.aexists(key)
        assert await SessionStore(key).aget("a") == 1
        await SessionStore(key).adelete(key)
        assert not await store.aexists(key)
        await store.acreate()
        await sync_to_async(connections.close_all)()  # that of the thread in which all this ran
        return str(store.session_key)

    key = asyncio.run(walk())
    assert Session.objects.get().session_key == stored_key(key)
