import pytest

from keystone.accounts.status import Status
from keystone.testing.factories import UserFactory, superuser
from tests.contract.operations import operations
from tests.contract.roles import SUPERUSER, SignedIn
from tests.contract.undone import undone
from tests.contract.valid import send, valid_request

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unlimited")]


def test_every_operation_takes_ids_in_capitals(signed_in: SignedIn) -> None:
    caller = SUPERUSER.make()
    client = signed_in(caller)
    asked = [one for one in operations() if any(part.get("format") == "uuid" for part in one.path_parameters.values())]
    assert len(asked) >= 12
    for one in asked:
        with undone():
            valid = valid_request(one, caller)
            valid.path.update({name: str(value).upper() for name, value in valid.path.items()})
            assert send(client, one, valid).status_code in one.success, one.id


def test_filters_and_the_admin_take_ids_in_capitals(signed_in: SignedIn) -> None:
    root = superuser(email="root@example.com")
    client, user = signed_in(root), UserFactory(status=Status.PENDING_ADMIN_APPROVAL)
    client.post(f"/api/users/{user.pk}/approve/")
    capitals = str(user.pk).upper()
    for query in ({"target_id": str(user.pk)}, {"target_id": capitals}):
        found = client.get("/api/audit/", query).json()["results"]
        assert [event["action"] for event in found] == ["user.approved"], query
    by = client.get("/api/audit/", {"actor": str(root.pk).upper(), "action": "user.approved"}).json()["results"]
    assert [event["target_id"] for event in by] == [str(user.pk)]
    bulk = client.post("/api/users/bulk/", {"action": "suspend", "ids": [capitals], "reason": "x"})
    assert bulk.json()["succeeded"] == [str(user.pk)]
    client.force_login(root)
    for page in ("change", "history", "sessions", "mails"):
        assert client.get(f"/admin/keystone/user/{capitals}/{page}/").status_code == 200, page
