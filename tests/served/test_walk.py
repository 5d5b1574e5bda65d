"""The main job from end to end, as the people do it: API, mail, page, admin, API."""

import re

import pytest

from keystone.accounts.models import User
from keystone.testing.factories import PASSWORD, superuser
from tests.served.server import Server, link_token

pytestmark = pytest.mark.django_db(transaction=True)
ANN = {"email": "ann@example.com", "password": "a good long one"}


def test_a_person_walks_from_registration_to_a_signed_in_request(served: Server) -> None:
    assert served.post("/api/auth/register/", {**ANN, "first_name": "Ann"}).status == 202
    assert served.post("/api/auth/login/", ANN).code == "email_unverified"

    page = f"/verify-email/{link_token(served.mails('ann@example.com')[0])}/"
    ann = served.browser()
    assert "<button" in ann.send("GET", page).text
    done = ann.send("POST", page, {})
    assert done.status == 302
    assert "administrator" in ann.send("GET", done.headers["location"]).text
    assert served.post("/api/auth/login/", ANN).code == "approval_pending"

    root = served.browser().sign_in(superuser(email="root@example.com").email, PASSWORD)
    queue = root.send("GET", "/admin/keystone/awaitingdecision/").text
    [address] = re.findall(r'href="(/admin/keystone/awaitingdecision/[\w-]+/approve/)', queue)
    assert "Ann" in root.send("GET", address).text
    answer = root.send("POST", address, {"reason": "Welcome to the team", "notify": "on"})
    assert answer.status == 302
    assert "approved" in root.send("GET", answer.headers["location"]).text

    subjects = [mail["Subject"] for mail in served.mails("ann@example.com")]
    assert len(subjects) == 3
    assert "Welcome to the team" in served.mails("ann@example.com")[-1].get_body(("plain",)).get_content()
    tokens = served.post("/api/auth/login/", ANN).json
    me = served.get("/api/me/", {"Authorization": f"Bearer {tokens['access']}"})
    assert (me.status, me.json["id"]) == (200, str(User.objects.get(email="ann@example.com").pk))
    assert served.post("/api/auth/refresh/", {"refresh": tokens["refresh"]}).status == 200
    assert served.post("/api/auth/refresh/", {"refresh": tokens["refresh"]}).code == "token_just_used"
