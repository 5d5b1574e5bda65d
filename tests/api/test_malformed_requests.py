"""NUL, half characters and charsets in addresses, headers and cookies: malformed at worst, never a fault of ours."""

from typing import Any
from unittest.mock import Mock
from wsgiref.util import setup_testing_defaults

import pytest
from django.core.exceptions import TooManyFieldsSent
from django.core.wsgi import get_wsgi_application
from django.test import Client

from keystone.api.charset import utf8_only
from keystone.testing.factories import superuser


@pytest.mark.django_db
@pytest.mark.parametrize(
    "address",
    [
        "/api/users/?search=%00",
        "/api/users/%00/",
        "/api/%00",
        "/api/me/?x=a%00b",
        "/admin/keystone/user/?q=%00",
        "/admin/auth/group/%00/change/",
        "/verify-email/%00/",
        "/static/%00.css",
        "/%00/",
        "/?%00",
    ],
)
def test_nul_in_an_address_is_a_malformed_request(client: Client, address: str) -> None:
    client.force_login(superuser())
    answer = client.get(address)
    assert answer.status_code == 400
    if address.startswith("/api/"):
        assert answer.json()["error"]["code"] == "bad_request"


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/api/users/?search={}", "/api/users/{}/", "/admin/keystone/user/?q={}", "/{}/"])
@pytest.mark.parametrize("sign", ["%ED%A0%80", "%FF", "%C0%80", "%F5%90%80%80", "%ud800", "%", "%2500"])
def test_what_is_no_utf_8_in_an_address_is_no_fault_of_ours(client: Client, address: str, sign: str) -> None:
    client.force_login(superuser())
    assert client.get(address.format(sign)).status_code in {200, 400, 404}


@pytest.mark.django_db
@pytest.mark.parametrize("value", ["a\x00b", "\ud800", "a\udfffb"])
@pytest.mark.parametrize("name", ["User-Agent", "X-Request-ID", "Authorization", "Accept", "Origin", "Referer"])
def test_nul_and_half_characters_in_headers_are_a_malformed_request(client: Client, name: str, value: str) -> None:
    answer = client.get("/api/me/", headers={name: value})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["sessionid", "csrftoken", "messages", "django_language", "x"])
def test_nul_hidden_in_a_cookie_is_a_malformed_request(client: Client, name: str) -> None:
    answer = client.get("/admin/", headers={"Cookie": f'{name}="\\000abcdefgh"'})
    assert answer.status_code == 400


@pytest.mark.django_db
@pytest.mark.parametrize("value", ["\xed\xa0\x80", "\xff", "Bearer \xe9", "Bearer", "Basic x", "Bearer a b", "\t"])
def test_bytes_beyond_ascii_in_headers_are_no_fault_of_ours(client: Client, value: str) -> None:
    for name in ("User-Agent", "X-Request-ID", "Authorization", "Accept-Language"):
        answer = client.get("/api/me/", headers={name: value})
        assert answer.status_code == 401
        assert answer.headers["X-Request-ID"] != value


def environ_of(query: str, charset: str) -> dict[str, Any]:
    """What a server says of a request to a list of people, without a token."""
    environ: dict[str, Any] = {"PATH_INFO": "/api/users/", "QUERY_STRING": query, "HTTP_HOST": "localhost"}
    setup_testing_defaults(environ)
    return environ | {"CONTENT_TYPE": f"text/plain; charset={charset}"}


@pytest.mark.parametrize("charset", ["bz2_codec", "unicode_escape", "utf-7", "utf-16", "idna", "rot13", "nonsense"])
@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("%5C%75%64%38%30%30", "401 Unauthorized"),
        ("%FF%FE", "401 Unauthorized"),
        ("%2B%32%41%41%2D", "401 Unauthorized"),
        ("%5C%78%30%30", "401 Unauthorized"),
        ("=&" * 20_000, "400 Bad Request"),
    ],
)
@pytest.mark.django_db
def test_a_charset_does_not_decode_the_query(charset: str, query: str, status: str) -> None:
    start = Mock()
    utf8_only(get_wsgi_application())(environ_of(f"search={query}", charset), start)
    assert start.call_args.args[0] == status


def test_a_charset_is_taken_out_and_the_boundary_stays() -> None:
    seen: list[str] = []

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.append(environ["CONTENT_TYPE"])
        return []

    for given in (
        "text/plain; charset=idna",
        "text/plain; CHARSET*=utf-8''idna",
        "multipart/form-data; boundary=a'b; charset=utf-8",
        "multipart/form-data; boundary=ab",
        "",
    ):
        utf8_only(application)({"CONTENT_TYPE": given}, print)
    assert seen == [
        "text/plain",
        "text/plain",
        'multipart/form-data; boundary="a\'b"',
        "multipart/form-data; boundary=ab",
        "",
    ]


@pytest.mark.django_db
def test_the_control_django_alone_fails_at_a_charset() -> None:
    with pytest.raises(TooManyFieldsSent):  # what it makes of every ValueError, before its own handler listens
        get_wsgi_application()(environ_of("a=%FF", "idna"), Mock())
