"""Which answers are kept, for whom, and what clients are told of them."""

import pickle
from collections.abc import Callable

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from keystone.accounts.models import User
from keystone.caching.backend import RedisCache
from keystone.caching.signed import LENGTH, _signature
from keystone.caching.views import cached
from keystone.testing.factories import UserFactory
from tests.caching.views import OfDrf, called, calls

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.caching.views"),
    pytest.mark.usefixtures("shared"),
]
SignedIn = Callable[[User], APIClient]


@pytest.fixture(autouse=True)
def _uncounted() -> None:
    calls.clear()


def text(client: Client, address: str, **headers: str) -> str:
    """What is answered."""
    return client.get(address, headers=headers).content.decode()


def directives(answer: object) -> set[str]:
    """What Cache-Control says."""
    return set(answer.headers["Cache-Control"].split(", "))  # type: ignore[attr-defined]  # an answer


def test_an_answer_is_kept_for_each_person_and_for_each_session_of_nobody(client: Client) -> None:
    ann, ben, nobody = Client(), Client(), Client()
    ann.force_login(UserFactory())
    ben.force_login(UserFactory())
    said = [text(caller, "/private/") for caller in (ann, ben, client, ann, ben, client, nobody)]
    assert said == ["private 1", "private 2", "private 3", "private 1", "private 2", "private 3", "private 3"]
    session = nobody.session
    session["basket"] = 1
    session.save()
    assert text(nobody, "/private/") == "private 4"


def test_who_shows_another_authorization_is_another_person(client: Client) -> None:
    client.force_login(UserFactory())  # which changes nothing: only the view knows what it looks at
    for caller in (Client(), client, Client()):
        for said in ("Bearer a", "Bearer b"):
            assert text(caller, "/authorization/", Authorization=said) == f"for {said}"


def test_the_arguments_of_a_method_make_answers_different(client: Client) -> None:
    assert [text(client, "/parts/") for _ in range(2)] == ["part 1. part 2. "] * 2


def test_a_public_answer_is_one_for_all(client: Client) -> None:
    ann = Client()
    ann.force_login(UserFactory())
    assert [text(ann, "/public/"), text(client, "/public/")] == ["public 1"] * 2


def test_an_answer_depends_on_the_address_and_not_on_the_order_of_its_parameters(client: Client) -> None:
    addresses = ["/public/?a=1&b=2", "/public/?b=2&a=1", "/public/?a=2&a=1", "/public/?a=1&a=2", "/public/?a=1&b=2"]
    assert [text(client, address) for address in addresses] == [f"public {n}" for n in (1, 1, 2, 3, 1)]
    assert client.head("/public/").status_code == 200
    assert text(client, "/public/") == "public 5"  # never the empty body of a HEAD
    assert text(client, "/public/", Host="localhost") == "public 6"


def test_an_answer_depends_on_the_headers_that_are_declared_or_that_its_vary_names(client: Client) -> None:
    assert [text(client, "/public/", X_Shop=shop) for shop in "aba"] == ["public 1", "public 2", "public 1"]
    assert [text(client, "/varies/", X_Colour=colour) for colour in ("red", "blue", "red", "blue")] == [
        *("varies 1", "varies 2", "varies 1", "varies 2"),
    ]
    assert "X-Shop" in client.get("/public/").headers["Vary"]


def test_clients_are_told_how_long_and_for_whom(client: Client) -> None:
    private, public = client.get("/private/"), client.get("/public/")
    assert directives(private) == {"private", "max-age=60"}
    assert {"Authorization", "Cookie"} <= set(private.headers["Vary"].split(", "))
    assert directives(public) == {"public", "max-age=60"}
    assert "Cookie" not in public.headers["Vary"]
    # What depends on models may be void any moment: who has it asks again, and gets no body.
    answer = client.get("/class/")
    assert directives(answer) == {"private", "no-cache"}
    again = client.get("/class/", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert directives(again) == {"private", "no-cache"}
    client.post("/class/")
    assert client.get("/class/", headers={"If-None-Match": answer.headers["ETag"]}).status_code == 200


@pytest.mark.parametrize(
    "kind",
    [
        *("cookie", "header", "message", "form", "session", "stream", "missing", "star"),
        *("no-store", "private", "no-cache", "max-age=0"),
    ],
)
def test_what_is_for_one_visit_only_is_not_kept(client: Client, kind: str) -> None:
    answers = [client.get(f"/odd/{kind}/") for _ in range(2)]
    assert calls[kind] == 2
    assert not any(answer.has_header("ETag") for answer in answers)


def test_what_an_answer_says_of_its_own_age_counts(client: Client) -> None:
    assert directives(client.get("/odd/max-age=7/")) == {"public", "max-age=7"}
    client.get("/odd/max-age=7/")
    assert calls["max-age=7"] == 1


def test_a_view_of_drf_checks_who_asks_each_time_and_keeps_no_refusal(signed_in: SignedIn) -> None:
    user = UserFactory()
    ann, ben = signed_in(user), signed_in(UserFactory())
    assert APIClient().get("/drf/").status_code == 401
    said = [caller.get("/drf/").json()["said"] for caller in (ann, ben, ann)]
    assert said == ["of_drf 1", "of_drf 2", "of_drf 1"]
    assert APIClient().get("/drf/").status_code == 401
    User.objects.filter(pk=user.pk).update(status="suspended", status_reason="Why not")
    assert ann.get("/drf/").status_code in {401, 403}
    assert calls["of_drf"] == 2


def test_a_function_of_drf_is_kept_by_its_form(api: APIClient) -> None:
    assert [api.get("/drf-function/").json()["said"] for _ in range(2)] == ["drf_function 1"] * 2
    for accept in ("text/html", "application/json; indent=4"):  # a page of one person's, and a form of one's own
        assert api.get("/drf-function/", headers={"Accept": accept}).status_code == 200
    assert calls["drf_function"] == 3
    assert "Accept" in api.get("/drf-function/").headers["Vary"]


def test_a_coroutine_is_refused() -> None:
    async def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    with pytest.raises(ImproperlyConfigured, match="no coroutines"):
        cached()(view)


def test_outside_of_drf_nobody_would_know_who_asks(client: Client) -> None:
    with pytest.raises(ImproperlyConfigured, match="on the methods of a DRF view"):
        cached()(OfDrf.as_view())
    user = UserFactory()
    client.force_login(user)
    with pytest.raises(ImproperlyConfigured, match="on the methods of a DRF view"):
        client.get("/outside/")


def test_an_answer_is_void_when_rows_of_its_models_were_written(client: Client) -> None:
    assert text(client, "/class/") == text(client, "/class/") == "of_a_class 1, 0 people"
    UserFactory()
    assert text(client, "/class/") == text(client, "/class/") == "of_a_class 2, 1 people"


def test_without_a_cache_for_all_what_depends_on_models_is_not_kept(client: Client, settings: Settings) -> None:
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "views"}}
    assert [text(client, "/class/"), text(client, "/class/")] == [f"of_a_class {n}, 0 people" for n in (1, 2)]
    assert [text(client, "/public/"), text(client, "/public/")] == ["public 1"] * 2


def test_what_another_version_has_kept_is_no_harm(client: Client, shared: RedisCache) -> None:
    text(client, "/public/")
    redis = shared.client.get_client()
    [key] = [key for key in redis.scan_iter() if b"caching:value" in key]
    unknown = b"\x80\x04\x8c\x08nowhere_\x94\x8c\x04Nope\x94\x93\x94."
    redis.set(key, _signature(unknown) + unknown)
    assert text(client, "/public/") == "public 2"
    assert text(client, "/public/") == text(client, "/public/") == "public 3"


class Bomb:
    """As a pickle, it runs what it likes where it is loaded."""

    def __reduce__(self) -> tuple[Callable[[str], str], tuple[str]]:
        return called, ("bomb",)


def test_what_others_have_put_into_redis_is_not_loaded(client: Client, shared: RedisCache, settings: Settings) -> None:
    text(client, "/public/")
    redis = shared.client.get_client()
    [key] = [key for key in redis.scan_iter() if b"caching:value" in key]
    for value in (pickle.dumps(Bomb()), bytes(LENGTH) + pickle.dumps(Bomb()), b"short"):
        redis.set(key, value)
        redis.set(shared.client.make_key("a"), value)
        assert shared.get("a", "default") == "default"
        assert shared.get_or_set("a", 5) == 5
        text(client, "/public/")
    assert "bomb" not in calls
    assert text(client, "/public/") == "public 4"
    settings.SECRET_KEY = "another one, that is as long as it has to be, of course"
    assert text(client, "/public/") == text(client, "/public/") == "public 5"
