"""Promise 9: a stolen copy of the database, or of Redis, holds no usable token.

Every flow is walked. Each token, link, code and password that was mailed, answered or typed on the way is then searched
for in every row of every table, and in every key and value of Redis.
"""

import os
import re

import pytest

from keystone.accounts.models import User
from keystone.testing.factories import PASSWORD, UserFactory, superuser
from keystone.throttling.models import AttemptWindow, Limit
from tests.every_row import rows
from tests.served.conftest import Serve
from tests.served.server import Server, link_token

pytestmark = pytest.mark.django_db(transaction=True)
FIRST, SECOND, THIRD = "canary first password", "canary second password", "canary third password"


def walk(server: Server) -> dict[str, str]:
    """Every flow that hands out a secret; each secret by its name."""
    secrets = {"first password": FIRST, "second password": SECOND, "third password": THIRD}
    address = "ann@example.com"
    server.post("/api/auth/register/", {"email": address, "password": FIRST, "first_name": "Ann"})
    server.post("/api/auth/register/", {"email": "other@example.com", "password": FIRST, "first_name": "Other"})
    secrets["unused verification link"] = link_token(server.mails("other@example.com")[-1])
    secrets["verification link"] = link_token(server.mails(address)[-1])
    assert server.post("/api/auth/verify-email/", {"token": secrets["verification link"]}).status == 200
    root = superuser(email="root@example.com")
    browser = server.browser().sign_in(root.email, PASSWORD)
    secrets["cookie of the admin"] = browser.cookies["sessionid"]
    admin = server.post("/api/auth/login/", {"email": root.email, "password": PASSWORD}).json
    secrets |= {f"administrator's {name}": value for name, value in admin.items()}
    user = User.objects.get(email=address)
    assert server.post(f"/api/users/{user.pk}/approve/", {}, admin["access"]).status == 200

    pair = server.post("/api/auth/login/", {"email": address, "password": FIRST}).json
    secrets |= {f"first {name}": value for name, value in pair.items()}
    pair = server.post("/api/auth/refresh/", {"refresh": pair["refresh"]}).json
    secrets |= {f"second {name}": value for name, value in pair.items()}
    body = {"current_password": FIRST, "new_password": SECOND}
    pair = server.post("/api/auth/password/change/", body, pair["access"]).json["tokens"]
    secrets |= {f"third {name}": value for name, value in pair.items()}

    body = {"email": "new@example.com", "current_password": SECOND}
    assert server.post("/api/me/email/", body, pair["access"]).status == 202
    secrets["confirmation link"] = link_token(server.mails("new@example.com")[-1], "confirm-email")
    assert server.post("/api/auth/email/confirm/", {"token": secrets["confirmation link"]}).status == 200
    secrets["link back"] = link_token(server.mails(address)[-1], "revert-email")
    AttemptWindow.objects.filter(limit=Limit.MAILS).delete()  # a second mail to this address would have to wait
    server.post("/api/auth/password/reset/", {"email": "new@example.com"})
    secrets["reset link"] = link_token(server.mails("new@example.com")[-1], "reset-password")
    body = {"token": secrets["reset link"], "new_password": THIRD}
    assert server.post("/api/auth/password/reset/confirm/", body).status == 200
    assert server.post("/api/auth/email/revert/", {"token": secrets["link back"]}).status == 200
    secrets["link to choose"] = link_token(server.mails(address)[-1], "reset-password")
    return secrets


def parts(secret: str) -> set[str]:
    """A secret, and of a JWT its signature and its id, which alone would do."""
    pieces = {secret}
    if secret.count(".") == 2:
        import jwt

        pieces |= {secret.rsplit(".", 1)[1], str(jwt.decode(secret, options={"verify_signature": False})["jti"])}
    return pieces


def found(secrets: dict[str, str], places: list[str]) -> list[str]:
    """The names of the secrets that stand anywhere."""
    return [name for name, secret in secrets.items() if any(part in row for part in parts(secret) for row in places)]


def test_no_row_of_the_database_holds_a_usable_token(served: Server) -> None:
    secrets = walk(served)
    assert len(secrets) == 18
    places = list(rows())
    assert any("ann@example.com" in row for row in places)  # the search finds what is there
    assert found(secrets, places) == []


def test_control_djangos_own_sessions_keep_the_key_of_the_cookie() -> None:
    from django.contrib.sessions.backends.db import SessionStore

    store = SessionStore()
    store.create()
    assert found({"cookie": str(store.session_key)}, list(rows())) == ["cookie"]


def test_redis_holds_no_token(serve: Serve) -> None:
    redis = pytest.importorskip("redis")
    client = redis.Redis(host=os.environ.get("REDIS_SERVER", "127.0.0.1"), port=6379, db=9, socket_timeout=1)
    try:
        client.flushdb()
    except redis.exceptions.ConnectionError:
        pytest.skip("no Redis answers")
    server = serve(CACHE_ENABLED="true", REDIS_SERVER="127.0.0.1", REDIS_DB="9")
    secrets = walk(server)
    client.set("keystone:control", "the search finds what is there")
    places = [f"{key!r} {client.dump(key)!r}" for key in client.scan_iter()]
    assert len(places) >= 1
    assert found(secrets, places) == []
    client.flushdb()
    client.close()


def refused_pages(server: Server, secrets: dict[str, str]) -> None:
    """What Django logs with the path, asked of pages whose tokens still work."""
    server.post("/api/auth/password/reset/", {"email": "other@example.com"})
    reset = secrets["unused reset link"] = link_token(server.mails("other@example.com")[-1], "reset-password")
    pages = {f"/verify-email/{secrets['unused verification link']}/", f"/reset-password/{reset}/"}
    pages.add(f"/reset-password/{secrets['link to choose']}/")
    browser = server.browser()
    for page in pages:
        assert browser.send("GET", page).status == 200
        assert browser.send_json("PUT", page, {}).status == 405
        assert server.request("POST", page, b"").status == 403  # no CSRF token
        assert server.get(f"{page}more/").status == 404
    for word in ("password", "xq7"):
        fields = {"new_password": word, "again": word}
        assert browser.send("POST", f"/reset-password/{reset}/", fields).status in {200, 400}
    for page in pages:
        assert server.get(page).status == 200  # they do still work


def test_the_log_of_the_server_holds_no_token(served: Server) -> None:
    secrets = walk(served)
    refused_pages(served, secrets)
    log = served.log.read_text()
    for line in ("Method Not Allowed (PUT): /reset-password/…/", "Forbidden (CSRF cookie not set.): /verify-email/…/"):
        assert line in log
    assert found(secrets, [log]) == []
    assert not re.search(r"canary", log)


def test_two_people_with_the_same_password_have_different_hashes() -> None:
    first, second = UserFactory.create_batch(2)
    assert first.password != second.password
