"""Bodies: how large, how deep, and of which characters; each that is none of these is refused in the envelope."""

import gzip
import json
from io import BytesIO
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse
from django.http.request import UnreadablePostError
from django.test import AsyncRequestFactory, Client, RequestFactory
from rest_framework.parsers import JSONParser
from rest_framework.request import Request

from keystone.api.body_limit import LIMIT, BodyLimitMiddleware
from keystone.api.charset import utf8_only_asgi
from keystone.api.errors import envelope_handler
from keystone.api.parsers import DEEPEST, StrictJSONParser

REGISTER = "/api/auth/register/"
PERSON = {"email": "ann@example.com", "password": "a good long one", "first_name": "Ann"}


def person(size: int) -> bytes:
    """A registration of exactly `size` bytes."""
    body = json.dumps(PERSON).encode()
    return body + b" " * (size - len(body))


class ChunkedClient(Client):
    """Sends bodies without a length, as a server hands on what came in chunks; it marks where they end."""

    terminated = True

    def request(self, **request: Any) -> Any:
        """Send a request without its length."""
        # The client's own stream knows its length, and fails where more is asked for.
        request |= {"wsgi.input": BytesIO(request["wsgi.input"].read()), "wsgi.input_terminated": self.terminated}
        return super().request(**request | {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"})


@pytest.fixture
def chunked() -> ChunkedClient:
    return ChunkedClient()


@pytest.mark.django_db
@pytest.mark.parametrize(("size", "status"), [(LIMIT, 202), (LIMIT + 1, 413), (40 * LIMIT, 413)])
@pytest.mark.parametrize("client_class", [Client, ChunkedClient])
def test_a_body_above_the_limit_is_refused_with_and_without_a_length(
    client_class: type[Client], size: int, status: int
) -> None:
    answer = client_class().post(REGISTER, person(size), content_type="application/json")
    assert answer.status_code == status
    if status == 413:
        error = answer.json()["error"]
        assert (error["code"], error["request_id"]) == ("too_large", answer.headers["X-Request-ID"])


@pytest.mark.parametrize("path", ["/api/me/", "/api/nowhere/", "/api/health/live/"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
def test_the_limit_holds_where_nobody_reads_the_body(client: Client, method: str, path: str) -> None:
    answer = client.generic(method, path, b"x" * (LIMIT + 1), content_type="text/plain")
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


def test_a_length_is_believed_before_anything_is_read(client: Client) -> None:
    for length in (str(LIMIT + 1), "9" * 5_000):
        answer = client.post(REGISTER, b"{}", content_type="application/json", CONTENT_LENGTH=length)
        assert answer.status_code == 413


@pytest.mark.parametrize("length", ["-1", "+2", "2.0", "two", "٢", "1_0", " 2"])
def test_a_length_that_is_no_number_is_refused(client: Client, length: str) -> None:
    answer = client.post(REGISTER, b"{}", content_type="application/json", CONTENT_LENGTH=length)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")


@pytest.mark.django_db
def test_chunks_win_over_a_length_beside_them() -> None:
    request = RequestFactory().post(
        REGISTER,
        content_type="application/json",
        **{
            "CONTENT_LENGTH": "2",
            "HTTP_TRANSFER_ENCODING": "chunked",
            "wsgi.input": BytesIO(person(500)),
            "wsgi.input_terminated": True,
        },  # type: ignore[arg-type]  # the stubs know of texts only
    )
    BodyLimitMiddleware(lambda _: HttpResponse())(request)
    assert request.body == person(500)
    assert request.META["CONTENT_LENGTH"] == "500"


def test_chunks_that_the_server_does_not_put_together_want_a_length(chunked: ChunkedClient) -> None:
    chunked.terminated = False
    answer = chunked.post(REGISTER, b"{}", content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (411, "length_required")


@pytest.mark.django_db
def test_an_encoded_body_is_refused_with_a_sentence(client: Client) -> None:
    coded = gzip.compress(person(200))
    for headers in (
        {"Content-Encoding": "gzip"},
        {"Content-Encoding": "GZIP"},
        {"Content-Encoding": "br"},
        {"Content-Encoding": "identity, zstd"},
        {"Content-Encoding": "chunked"},
        {"Transfer-Encoding": "gzip, chunked"},
        {"Transfer-Encoding": "deflate"},
    ):
        for path in (REGISTER, "/api/nowhere/", "/verify-email/resend/"):
            answer = client.post(path, coded, content_type="application/json", headers=headers)
            assert (answer.status_code, answer.headers["Accept-Encoding"]) == (415, "identity"), (headers, path)
            assert "Send it without Content-Encoding." in answer.content.decode()
        error = client.post(REGISTER, coded, content_type="application/json", headers=headers).json()["error"]
        assert error["code"] == "unsupported_media_type"
    for number, name in enumerate(("Content-Encoding", "Transfer-Encoding")):
        body = json.dumps(PERSON | {"email": f"ann{number}@example.com"})
        answer = client.post(REGISTER, body, content_type="application/json", headers={name: "identity"})
        assert answer.status_code == 202, name
    assert client.get("/api/health/live/", headers={"Content-Encoding": "gzip"}).status_code == 200  # without a body


def test_a_body_that_breaks_off_is_a_malformed_request() -> None:
    class Broken(BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError("broken pipe")

    answer = Client().post(
        REGISTER,
        b"",
        content_type="application/json",
        **{"CONTENT_LENGTH": "", "wsgi.input": Broken(), "wsgi.input_terminated": True},  # type: ignore[arg-type]  # as above
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")
    response = envelope_handler(UnreadablePostError("broken pipe"), {})
    assert response is not None
    assert response.status_code == 400


def test_under_asgi_a_body_without_a_length_is_measured_too() -> None:
    for size, status in ((500, 200), (LIMIT + 1, 413)):
        request = AsyncRequestFactory().post(REGISTER, person(size), content_type="application/json")
        del request.META["CONTENT_LENGTH"]
        seen: list[bytes] = []

        def view(given: Any, seen: list[bytes] = seen) -> Any:
            seen.append(given.body)
            return type("Answer", (), {"status_code": 200})

        answer: Any = BodyLimitMiddleware(view)(request)
        assert answer.status_code == status
        assert seen == ([person(size)] if status == 200 else [])


# -- Outside /api/ -----------------------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/verify-email/resend/", "/admin/login/"])
def test_a_form_above_the_limit_is_refused_with_a_page(path: str) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.get(path)
    urlencoded = b"email=" + b"x" * (LIMIT + 1)
    for answer in (
        browser.post(path, {"email": "x" * (LIMIT + 1)}),
        browser.post(path, urlencoded, content_type="application/x-www-form-urlencoded"),
    ):
        assert (answer.status_code, answer.headers["Content-Type"]) == (413, "text/html; charset=utf-8")
        assert "The body is too large." in answer.content.decode()


@pytest.mark.parametrize("size", [10, LIMIT + 1])
def test_a_chunked_form_is_refused_with_a_page_and_not_taken_for_empty(chunked: ChunkedClient, size: int) -> None:
    answer = chunked.post("/verify-email/resend/", b"x" * size, content_type="application/x-www-form-urlencoded")
    assert (answer.status_code, answer.headers["Content-Type"]) == (411, "text/html; charset=utf-8")
    assert "Send a Content-Length" in answer.content.decode()


# -- JSON --------------------------------------------------------------------------------------------------------
def refusal(body: bytes, content_type: str = "application/json") -> str:
    """What the registration says of a body; empty where it was accepted or is wrong in its fields only."""
    answer = Client().generic("POST", REGISTER, body, content_type)
    assert answer.status_code in {202, 400}, answer.content
    error = answer.json().get("error")
    return error["message"] if error and not error["fields"] else ""


def nested(depth: int, opening: bytes, closing: bytes) -> bytes:
    return b'{"email": ' + opening * (depth - 1) + b"1" + closing * (depth - 1) + b"}"


@pytest.mark.django_db
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a": ', b"}"), (b'[{"a": ', b"}]")])
def test_json_is_nested_to_the_limit_and_no_further(opening: bytes, closing: bytes) -> None:
    levels = opening.count(b"[") + opening.count(b"{")
    deepest = (DEEPEST - 1) // levels + 1
    assert refusal(nested(deepest, opening, closing)) == ""
    too_deep = "The JSON is nested too deeply: at most 32 levels."
    assert refusal(nested(deepest + 1, opening, closing)) == too_deep
    assert refusal(nested(LIMIT // len(opening + closing) - 20, opening, closing)) == too_deep


def test_brackets_in_texts_and_beside_each_other_are_no_depth() -> None:
    data: dict[str, Any] = {"a": "[" * 1_000, "b": [[]] * 1_000}
    assert StrictJSONParser().parse(BytesIO(json.dumps(data).encode())) == data


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"email": "a\\u0000b"}', "The JSON contains a NUL character."),
        (b'{"a\\u0000b": 1}', "The JSON contains a NUL character."),
        (b'{"a": [{"b": ["\\u0000"]}]}', "The JSON contains a NUL character."),
        (b'{"email": "a\\ud800b"}', "The JSON contains half a character (a lone surrogate)."),
        (b'{"email": "a\\udc00\\ud800b"}', "The JSON contains half a character (a lone surrogate)."),
        (b'{"\\udfff": 1}', "The JSON contains half a character (a lone surrogate)."),
        (b'{"email": NaN}', "The JSON contains a number that is invalid or too large."),
        (b'{"email": [Infinity]}', "The JSON contains a number that is invalid or too large."),
        (b'{"email": -Infinity}', "The JSON contains a number that is invalid or too large."),
        (b'{"email": 1e999}', "The JSON contains a number that is invalid or too large."),
        (b'{"email": -1e999}', "The JSON contains a number that is invalid or too large."),
        (b'{"email": ' + b"9" * 5_000 + b"}", "The JSON contains a number that is invalid or too large."),
        (b'{"email": "a", "email": "b"}', "The JSON contains an object with a duplicate name."),
        (b'{"email": "a", "\\u0065mail": "b"}', "The JSON contains an object with a duplicate name."),
        (b'[{"a": {"b": 1, "b": 1}}]', "The JSON contains an object with a duplicate name."),
        (b"\xef\xbb\xbf{}", "The JSON begins with a byte order mark. Send it without one."),
        (b"\xff\xfe{\x00}\x00", "The body is not valid UTF-8."),
        (b'{"email": "\xff"}', "The body is not valid UTF-8."),
        (b'{"email": "\xed\xa0\x80"}', "The body is not valid UTF-8."),
        (b'{"email": "\xc0\x80"}', "The body is not valid UTF-8."),
        (b"{", "The body is not valid JSON: see line 1, column 2."),
        (b'{\n  "email" "a"}', "The body is not valid JSON: see line 2, column 11."),
        (b'{"email": "a\x00"}', "The body is not valid JSON: see line 1, column 13."),
        (b"{\x00}", "The body is not valid JSON: see line 1, column 2."),
        (b"{'email': 1}", "The body is not valid JSON: see line 1, column 2."),
        (b"{} {}", "The body is not valid JSON: see line 1, column 4."),
    ],
)
def test_json_that_could_mean_two_things_or_cannot_be_stored_is_refused(body: bytes, message: str) -> None:
    assert refusal(body) == message
    assert refusal(body, "application/json; charset=utf-8") == message


@pytest.mark.parametrize("charset", ["utf-16", "bz2_codec", "nonsense", "iso-8859-1"])
@pytest.mark.django_db
def test_a_charset_changes_nothing(charset: str) -> None:
    body = '{"email": "ännchen"}'.encode()
    assert refusal(body, f"application/json; charset={charset}") == ""
    assert refusal(body.decode().encode("utf-16"), f"application/json; charset={charset}") != ""


def test_under_asgi_a_charset_changes_nothing_either() -> None:
    made: list[ASGIRequest] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        made.append(ASGIRequest(scope, BytesIO()))

    for charset in ("idna", "bz2_codec", "nonsense", "utf-16", "\xff"):
        content_type = f"application/json; charset={charset}".encode("latin-1")
        scope = {"type": "http", "method": "POST", "path": "/api/", "query_string": b"q=%C3%A4"}
        scope["headers"] = [(b"content-type", content_type), (b"content-length", b"2")]
        async_to_sync(utf8_only_asgi(application))(scope, None, None)
        assert (made[-1].GET["q"], made[-1].content_type) == ("ä", "application/json"), charset


def test_everything_else_is_parsed_as_it_was() -> None:
    data: dict[str, Any] = {"a": [1, -2.5, 1e300, None, True, "é😀", {"b": {}}], "": "\t\n"}
    for text in (json.dumps(data), json.dumps(data, ensure_ascii=False)):
        assert StrictJSONParser().parse(BytesIO(text.encode())) == data
        assert JSONParser().parse(BytesIO(text.encode())) == data


def test_the_control_drfs_own_parser_takes_what_ours_refuses() -> None:
    for body in (b'{"a": "\\u0000"}', b'{"a": 1, "a": 2}', b'{"a": 1e999}', b"[" * 200 + b"]" * 200):
        JSONParser().parse(BytesIO(body), parser_context={"request": Request(RequestFactory().get("/"))})
