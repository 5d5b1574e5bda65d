"""Promise 13 for what the HTTP library of a test would not send: chunks, lying lengths, headers of raw bytes."""

import json
import socket
from contextlib import suppress
from http.client import HTTPException, HTTPResponse

import pytest

from keystone.accounts.models import User
from keystone.api.body_limit import LIMIT
from tests.served.server import Server

pytestmark = pytest.mark.django_db(transaction=True)
REGISTER = "/api/auth/register/"
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
CHUNKED = {"Transfer-Encoding": "chunked"}


def person(size: int = 0) -> bytes:
    """A registration of at least `size` bytes; exactly so many where it fits."""
    body = json.dumps({"email": "ann@example.com", "password": "a good long one", "first_name": "Ann"}).encode()
    return body + b" " * (size - len(body))


def in_chunks(body: bytes, size: int = 10_000) -> bytes:
    """The chunks of a body (RFC 9112, section 7.1)."""
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def send(
    server: Server, path: str, headers: dict[str, str], body: bytes, *, method: str = "POST", end: bool = False
) -> tuple[int, dict[str, str], str]:
    """Send exactly this; answer status, headers and text. Status 0: the server closed without a word.

    Args:
        end: whether nothing more comes from here after the body.
    """
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *(f"{name}: {value}" for name, value in headers.items())]
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        with suppress(OSError):  # a server that has refused does not read the rest
            connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
            if end:
                connection.shutdown(socket.SHUT_WR)
        answer = HTTPResponse(connection, method=method)
        try:
            answer.begin()
            text = answer.read().decode()
        except (HTTPException, ConnectionResetError):  # also where it ends as soon as we do
            return 0, {}, ""
        return answer.status, {name.lower(): value for name, value in answer.headers.items()}, text


def length(number: int) -> dict[str, str]:
    """The header that says so."""
    return {"Content-Length": str(number)}


@pytest.mark.parametrize("size", [0, LIMIT])
def test_a_chunked_body_up_to_the_limit_is_read(served: Server, size: int) -> None:
    status, _, text = send(served, REGISTER, JSON | CHUNKED, in_chunks(person(size)))
    assert (status, "Thank you" in text) == (202, True)
    assert User.objects.get().email == "ann@example.com"
    assert len(served.mails("ann@example.com")) == 1


@pytest.mark.parametrize("size", [LIMIT + 1, 20 * 1024 * 1024])
@pytest.mark.parametrize("path", [REGISTER, "/api/me/", "/api/nowhere/"])
def test_a_body_above_the_limit_is_refused_in_the_envelope(served: Server, path: str, size: int) -> None:
    for headers, body in ((CHUNKED, in_chunks(person(size))), (length(size), person(size))):
        status, answered, text = send(served, path, JSON | headers, body)
        assert (status, answered["content-type"]) == (413, "application/json")
        error = json.loads(text)["error"]
        assert (error["code"], error["request_id"]) == ("too_large", answered["x-request-id"])
        assert answered["x-content-type-options"] == "nosniff"
    assert not User.objects.exists()


def test_a_large_length_is_refused_without_waiting_for_the_body(served: Server) -> None:
    for number in (LIMIT + 1, 2**63):
        status, _, text = send(served, REGISTER, JSON | length(number), b"")
        assert (status, json.loads(text)["error"]["code"]) == (413, "too_large")


def test_endless_chunks_are_refused_at_the_limit(served: Server) -> None:
    chunk = b"%x\r\n%s\r\n" % (LIMIT + 1, b" " * (LIMIT + 1))  # and no end
    status, _, text = send(served, REGISTER, JSON | CHUNKED, chunk)
    assert (status, json.loads(text)["error"]["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (length(len(person())), person()[:-1]),
        (length(len(person()) - 1), person()),
        (length(0), person()),
        (length(3), person(500)),
        ({"Content-Length": "-1"}, person()),
        ({"Content-Length": "+5"}, person()),
        ({"Content-Length": "five"}, person()),
        ({"Content-Length": "9" * 5_000}, person()),
        ({"Content-Length": "5, 6"}, person()),
        (CHUNKED, b"5\r\nhello"),
        (CHUNKED, b"zz\r\nhello\r\n0\r\n\r\n"),
        (CHUNKED, b"-5\r\nhello\r\n0\r\n\r\n"),
        (CHUNKED, b"ffffffffffffffffff\r\nhello"),
        (CHUNKED, b"0\r\n\r\n"),
        (CHUNKED, b""),
        ({"Transfer-Encoding": "gzip, chunked"}, in_chunks(b"\x1f\x8b" + person())),
        ({"Transfer-Encoding": "identity"}, person()),
        ({"Transfer-Encoding": "chunked, identity"}, in_chunks(person())),
        ({}, person()),
    ],
)
def test_a_body_that_lies_about_itself_is_no_fault_of_ours(
    served: Server, headers: dict[str, str], body: bytes
) -> None:
    status, _, _ = send(served, REGISTER, JSON | headers, body, end=True)
    assert status in {0, 400, 411, 415}
    assert not User.objects.exists()


def test_chunks_win_over_a_length_beside_them(served: Server) -> None:
    status, _, _ = send(served, REGISTER, JSON | length(3) | CHUNKED, in_chunks(person()))
    assert status == 202


@pytest.mark.parametrize("path", ["/verify-email/resend/", "/admin/login/"])
def test_outside_the_api_a_large_or_chunked_form_is_refused_with_a_page(served: Server, path: str) -> None:
    _, answered, page = send(served, path, {}, b"", method="GET")
    token = page.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
    cookie = {"Cookie": answered["set-cookie"].partition(";")[0]}
    form = f"csrfmiddlewaretoken={token}&email=".encode()
    large = form + b"x" * LIMIT
    for headers, body, expected in (
        (length(len(large)), large, 413),
        (CHUNKED, in_chunks(form), 411),
        (CHUNKED, in_chunks(large), 411),
    ):
        status, answered, text = send(served, path, FORM | cookie | headers, body)
        assert (status, answered["content-type"]) == (expected, "text/html; charset=utf-8")
        assert "This is not possible" in text


@pytest.mark.parametrize("name", ["User-Agent", "X-Request-ID", "Authorization", "Accept-Language", "Cookie", "Origin"])
@pytest.mark.parametrize("value", ["\xff\xfe", "\xed\xa0\x80", "a\x00b", 'sessionid="\\000abcdefgh"', "x" * 5_000])
def test_raw_bytes_in_headers_are_no_fault_of_ours(served: Server, name: str, value: str) -> None:
    for path in ("/api/me/", "/admin/login/"):
        status, _, _ = send(served, path, {name: value}, b"", method="GET")
        assert status in {200, 400, 401}


@pytest.mark.parametrize("path", ["/api/users/?search=%00", "/api/%00/", "/%FF", "/admin/?q=%ED%A0%80", "/static/%00"])
def test_raw_bytes_in_addresses_are_no_fault_of_ours(served: Server, path: str) -> None:
    status, _, _ = send(served, path, {}, b"", method="GET")
    assert status in {302, 400, 401, 404}


def test_a_charset_that_cannot_decode_is_no_fault_of_ours(served: Server) -> None:
    for charset in ("idna", "bz2_codec", "unicode_escape"):
        headers = {"Content-Type": f"text/plain; charset={charset}"}
        status, _, _ = send(served, "/api/users/?search=%FF%5C%75", headers, b"", method="GET")
        assert status == 401
