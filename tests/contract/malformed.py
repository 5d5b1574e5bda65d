"""What the tests of malformed input share: who calls, how a refusal looks, and what the database holds."""

from collections.abc import Iterable
from typing import Any

import pytest
from django.apps import apps
from rest_framework.test import APIClient

from keystone.accounts.models import User
from tests.contract.declared import declared
from tests.contract.operations import Operation
from tests.contract.roles import PERSON, SUPERUSER, SignedIn, authorization


def quick_for(*names: str, among: Iterable[Operation]) -> pytest.MarkDecorator:
    """Parametrize with each of the operations as `asked`. The tests of all but the named ones are slow."""
    cases = [one if one.id in names else pytest.param(one, marks=pytest.mark.slow) for one in among]
    return pytest.mark.parametrize("asked", cases, ids=str)


def caller_of(operation: Operation) -> User:
    """Somebody who may call the operation."""
    role = SUPERUSER if declared(operation.id).admits(SUPERUSER) else PERSON
    return role.make()


def checking_client(user: User, signed_in: SignedIn) -> APIClient:
    """A client that `user` has signed in; forms are checked for forgery as in production, where tests switch it off."""
    client = APIClient(enforce_csrf_checks=True)
    client.credentials(HTTP_AUTHORIZATION=authorization(signed_in(user)))
    return client


def refused(answer: Any, *statuses: int) -> dict[str, Any]:
    """The error of an answer, which must be the envelope with one of these statuses."""
    text = b"".join(answer).decode(errors="replace")[:500]
    assert answer.status_code in statuses, text
    assert answer.headers["Content-Type"] == "application/json", text
    body = answer.json()
    assert body.keys() == {"error"}
    error: dict[str, Any] = body["error"]
    assert error.keys() == {"code", "message", "fields", "request_id"}
    assert error["request_id"] == answer.headers["X-Request-ID"]
    assert isinstance(error["code"], str)
    assert error["message"]
    return error


def not_a_fault(answer: Any) -> None:
    """The answer is a success, or a refusal in the envelope."""
    if answer.status_code >= 400:
        refused(answer, *range(400, 500))


def stored() -> dict[str, Any]:
    """How many rows each table has, and every account. Attempts are counted whatever comes of them."""
    models = [model for model in apps.get_models() if model._meta.managed and model._meta.model_name != "attemptwindow"]
    counts: dict[str, Any] = {model._meta.db_table: model._base_manager.count() for model in models}
    return counts | {"accounts": list(User.objects.order_by("pk").values())}
