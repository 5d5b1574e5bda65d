"""Administrators without the second factor that is required of them do not act as such over the API either."""

from collections.abc import Callable

import pytest
from django.test import RequestFactory
from pytest_django import Settings
from rest_framework.request import Request
from rest_framework.test import APIClient

from keystone.accounts.models import User
from keystone.accounts.status import Status
from keystone.api.permissions import IsSuperuser, SecondFactorMissing
from keystone.testing.factories import PASSWORD, UserFactory, approver, superuser
from tests.two_factor.phone import fresh_code, set_up

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def required(settings: Settings) -> None:
    settings.KEYSTONE = {**settings.KEYSTONE, "TWO_FACTOR_REQUIRED": True}


def test_an_administrator_needs_the_second_factor_to_act(signed_in: Callable[[User], APIClient]) -> None:
    anna = approver(email="anna@example.com")
    waiting = UserFactory(status=Status.PENDING_ADMIN_APPROVAL)
    client = signed_in(anna)
    for answer in (client.get("/api/users/"), client.post(f"/api/users/{waiting.pk}/approve/")):
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "second_factor_missing")
    assert client.get("/api/me/").status_code == 200
    set_up(anna)
    body = {"email": anna.email, "password": PASSWORD}
    assert APIClient().post("/api/auth/login/", body).json()["error"]["code"] == "second_factor_required"
    access = APIClient().post("/api/auth/login/", body | {"code": fresh_code(anna)}).json()["access"]
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {access}")
    assert client.get("/api/users/").status_code == 200


def test_who_may_not_act_is_told_nothing_of_it(signed_in: Callable[[User], APIClient]) -> None:
    for user in (UserFactory(), UserFactory(is_staff=True)):
        answer = signed_in(user).get("/api/users/")
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "permission_denied")


def test_what_is_for_superusers_needs_it_too() -> None:
    request = Request(RequestFactory().get("/"))
    request.user = superuser()
    with pytest.raises(SecondFactorMissing):
        IsSuperuser().has_permission(request, None)
    set_up(request.user)
    assert IsSuperuser().has_permission(request, None) is True
    request.user = UserFactory()
    assert IsSuperuser().has_permission(request, None) is False
