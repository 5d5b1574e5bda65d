"""The malformed input of promise 13: bodies, values of fields, query parameters, ids, headers, cursors."""

import base64
import json
from collections.abc import Iterator
from typing import Any

JSON = "application/json"

# Malformed whatever the operation: the body, and the status that refuses it. All are sent as application/json.
BODIES: dict[str, tuple[bytes, int]] = {
    "bad UTF-8": (b'{"email": "\xff\xfe"}', 400),
    "overlong UTF-8": (b'{"email": "\xc0\x80"}', 400),
    "a surrogate in UTF-8": (b'{"email": "\xed\xa0\x80"}', 400),
    "UTF-16": ('{"email": "a"}'.encode("utf-16"), 400),
    "UTF-16 without a mark": ('{"email": "a"}'.encode("utf-16-le"), 400),
    "UTF-32": ('{"email": "a"}'.encode("utf-32"), 400),
    "a byte order mark": (b"\xef\xbb\xbf{}", 400),
    "a lone surrogate": (b'{"email": "\\ud800"}', 400),
    "a lone surrogate as a key": (b'{"\\udfff": 1}', 400),
    "surrogates in the wrong order": (b'{"email": "\\udc00\\ud800"}', 400),
    "NUL": (b'{"email": "a\\u0000b"}', 400),
    "NUL as a key": (b'{"\\u0000": 1}', 400),
    "NUL as a byte": (b'{"email": "\x00"}', 400),
    "only NUL bytes": (b"\x00" * 64, 400),
    "NaN": (b'{"email": NaN}', 400),
    "Infinity": (b'{"email": Infinity}', 400),
    "-Infinity": (b'{"email": [-Infinity]}', 400),
    "a number of 5,000 digits": (b'{"email": ' + b"9" * 5_000 + b"}", 400),
    "an exponent beyond every float": (b'{"email": 1e400}', 400),
    "an exponent of ten digits": (b'{"email": -1E9999999999}', 400),
    "100,000 lists": (b"[" * 100_000 + b"]" * 100_000, 400),
    "100,000 lists, never closed": (b"[" * 100_000, 400),
    "50,000 objects": (b'{"a":' * 50_000, 400),
    "33 levels": (b'{"email": ' + b"[" * 32 + b"]" * 32 + b"}", 400),
    "300 KiB": (b'{"email": "' + b"a" * 300 * 1024 + b'"}', 413),
    "300 KiB of spaces": (b"{}" + b" " * 300 * 1024, 413),
    "a list": (b"[]", 400),
    "a list of a body": (b"[{}]", 400),
    "a text": (b'"text"', 400),
    "null": (b"null", 400),
    "true": (b"true", 400),
    "a number": (b"7", 400),
    "a key twice": (b'{"email": "a", "email": "b"}', 400),
    "a key twice below": (b'{"email": {"a": 1, "a": 1}}', 400),
    "not closed": (b'{"email": "a"', 400),
    "a comma too many": (b'{"email": "a",}', 400),
    "two bodies": (b"{} {}", 400),
    "single quotes": (b"{'email': 'a'}", 400),
    "a comment": (b"{} // nothing", 400),
    "white space": (b" \n ", 400),
    "an unknown key": (b'{"nobody_knows": 1}', 400),
    "the empty key": (b'{"": 1}', 400),
    "10,000 unknown keys": (json.dumps({f"k{number}": 1 for number in range(10_000)}).encode(), 400),
    "a prototype": (b'{"__proto__": {"is_superuser": true}, "constructor": 1}', 400),
}

# A body that is not JSON, by its content type.
CONTENT_TYPES: dict[str, bytes] = {
    "application/x-www-form-urlencoded": b"email=a&password=b",
    "multipart/form-data": b"--x--",
    "multipart/form-data; boundary=x": b'--x\r\nContent-Disposition: form-data; name="email"\r\n\r\na\r\n--x--',
    "text/plain": b"{}",
    "text/html": b"<p>",
    "application/xml": b"<email/>",
    "application/octet-stream": b"\x00",
    "application/jsonp": b"{}",
    "json": b"{}",
    "/": b"{}",
    ";;;": b"{}",
    "application/json, text/plain": b"{}",
}

# Each is put in the place of each field in turn.
VALUES: dict[str, Any] = {
    "null": None,
    "a boolean": True,
    "a number": 7,
    "a fraction": 1.5,
    "a negative number": -1,
    "a huge number": 10**30,
    "a text": "text",
    "the empty text": "",
    "a blank text": " \t\n",
    "a very long text": "x" * 100_000,
    "a very long text of marks": "a" + "\u0300\u0323" * 50_000,
    "a very long address": "a@" + "x." * 50_000 + "com",
    "the text of a boolean": "true",
    "the text of a number": "7",
    "an emoji": "\U0001f600",
    "control characters": "\x01\x1b[31m\x7f",
    "a text that turns around": "\u202egpj.exe",
    "a noncharacter": "\uffff",
    "line breaks": "a\r\nBcc: everybody@example.com",
    "the first moment": "0001-01-01T00:00:00+23:59",
    "the last moment": "9999-12-31T23:59:59-23:59",
    "a day that is none": "2026-02-30T25:61:61Z",
    "an empty list": [],
    "a list": [1, None, "a", {}],
    "a list of texts": ["text"],
    "an empty object": {},
    "an object": {"a": {"b": [1]}},
}

# Texts in JSON that no field may hold; written with escapes, since they are no text that could be encoded.
RAW_VALUES = {"NUL": b'"a\\u0000b"', "a lone surrogate": b'"\\ud800"', "half a pair": b'"a\\udc00"'}

# Values of query parameters as they stand in the URL.
QUERIES = (
    "",
    "%20",
    "text",
    "-1",
    "0",
    "1.5",
    "1e400",
    "NaN",
    "9" * 5_000,
    "99999999999999999999",
    "true",
    "null",
    "[]",
    "{}",
    "%00",
    "a%00b",
    "%",
    "%zz",
    "%ff",
    "%ed%a0%80",
    "%f0%9f%98%80",
    "%e2%80%ae",
    "%0d%0aSet-Cookie:a=b",
    "x" * 10_000,
    "'",
    "%27%20OR%201%3D1--",
    "a%20b%20c%20d%20e%20f%20g%20h%20i%20j%20k%20l",
    "%26%21%7c%28%29%3a%2a%5c",
    "00000000-0000-0000-0000-000000000000",
    "0001-01-01T00:00:00%2b23:59",
    "9999-12-31T23:59:59-23:59",
    "2026-02-30T25:61:61Z",
    "2026-01-01T00:00:00",
    "-created_at",
    "password",
    "user_permissions__id",
)

# Ids as they stand in the path. None names anything.
IDS = (
    "nonsense",
    "0",
    "-1",
    "1e5",
    "99999999999999999999",
    "9" * 5_000,
    "00000000-0000-0000-0000-000000000000",
    "00000000-0000-0000-0000-00000000000g",
    "000000000000000000000000000000000000",
    "{id}",
    "%20",
    "%00",
    "a%00",
    "%ff",
    "%ed%a0%80",
    "%f0%9f%98%80",
    "%0a",
    "%2e%2e",
    "..%2f..%2fadmin",
    "%252e",
    "a;b=c",
    "x" * 5_000,
)


def _packed(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unsigned(header: Any, claims: Any) -> str:
    """A token of these two parts whose signature is none."""
    return f"{_packed(json.dumps(header).encode())}.{_packed(json.dumps(claims).encode())}.c2lnbmF0dXJl"


AUTHORIZATIONS = (
    "Bearer",
    "Bearer ",
    "Bearer  ",
    "bearer null",
    "Bearer a b",
    "Bearer ..",
    "Bearer a.b.c",
    "Bearer \xff\xfe",
    "Bearer " + "A" * 100_000,
    "Bearer " + "." * 10_000,
    "Bearer " + unsigned({"alg": "none", "typ": "at+jwt"}, {"sub": "x"}),
    "Bearer " + unsigned({"alg": "HS256", "kid": 10**30}, {}),
    "Bearer " + unsigned({"alg": "HS256", "kid": ["a"]}, []),
    "Bearer " + unsigned({"alg": ["HS256"], "kid": None, "crit": ["b64"]}, "claims"),
    "Bearer " + unsigned({"alg": {}, "typ": 5}, None),
    "Bearer " + unsigned([], {}),
    "Bearer " + unsigned(None, None),
    "Bearer " + base64.urlsafe_b64encode(b"[" * 50_000).decode() + ".e30.e30",
    "Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.\xe9.e30",
    "Basic",
    "Basic !!!",
    "Basic YTpi",
    "Token abc",
    'Digest username="a"',
    "Bearer\x01",
    "\x7f",
)


def cursors(ordering: str) -> Iterator[str]:
    """Cursors that are none of a list that is sorted by `ordering`."""
    key = "00000000-0000-0000-0000-000000000000"
    yield from ("nonsense", "%25%25", "=", "A", "AA", "AAA", "-_-_", "%f0%9f%98%80", "A" * 10_000)
    for raw in (b"\xff", b"[" * 20_000, b"[1e400]", b"NaN", b"9" * 5_000, b'"\\ud800"'):
        yield _packed(raw)
    packed: list[Any] = [
        [],
        {},
        None,
        7,
        "text",
        [ordering],
        [ordering, "2026-01-01T00:00:00Z", "nonsense", False],
        [ordering, "2026-01-01T00:00:00Z", {}, False],
        [ordering, "a\x00", key, False],
        [ordering, "\ud800", key, False],
        ["password", "a", key, False],
        [None, "a", key, False],
        [[ordering], "a", key, False],
        [ordering, "a", key, False, "more"],
    ]
    if ordering.endswith("_at"):  # any text is a place in a list of texts
        packed += [
            [ordering, None, None, None],
            [ordering, {}, [], "x"],
            [ordering, "nonsense", key, False],
            [ordering, "0001-01-01T00:00:00+23:59", key, True],
            [ordering, "9999-12-31T23:59:59-23:59", key, False],
        ]
    for parts in packed:
        yield _packed(json.dumps(parts).encode())


# Headers that no client of good will sends, each with a value.
HEADERS = (
    ("HTTP_ACCEPT", "application/xml"),
    ("HTTP_ACCEPT", ";;;"),
    ("HTTP_ACCEPT", "*/*; q=NaN"),
    ("HTTP_ACCEPT", "application/json; indent=99999999999"),
    ("HTTP_ACCEPT", "application/json; indent=-1"),
    ("HTTP_ACCEPT", "\xff"),
    ("HTTP_ACCEPT", ",".join(["a/b"] * 5_000)),
    ("HTTP_ACCEPT_LANGUAGE", "x" * 10_000),
    ("HTTP_ACCEPT_LANGUAGE", "en;q=1e400, \xff"),
    ("HTTP_ACCEPT_ENCODING", "\xff"),
    ("HTTP_USER_AGENT", "\x01\x7f\xff" + "x" * 10_000),
    ("HTTP_USER_AGENT", ""),
    ("HTTP_X_REQUEST_ID", "\xff" * 64),
    ("HTTP_X_FORWARDED_FOR", "\xff, nonsense, ::1%eth0, 1.2.3.4.5"),
    ("HTTP_X_FORWARDED_FOR", "," * 10_000),
    ("HTTP_COOKIE", 'sessionid="\\000"; csrftoken=\xff; =; ;'),
    ("HTTP_COOKIE", "sessionid=" + "x" * 50_000),
    ("HTTP_REFERER", "http://[::1"),
    ("HTTP_ORIGIN", "null"),
    ("HTTP_ORIGIN", "http://[::1"),
    ("HTTP_HOST", "evil.example.com"),
    ("HTTP_HOST", "a b\xff"),
    ("HTTP_IF_MODIFIED_SINCE", "Mon, 99 Foo 99999 99:99:99 GMT"),
    ("HTTP_IF_NONE_MATCH", '"\xff'),
    ("HTTP_RANGE", "bytes=-1-"),
    ("HTTP_TRANSFER_ENCODING", "chunked"),
    ("HTTP_EXPECT", "100-continue"),
    ("HTTP_X_HTTP_METHOD_OVERRIDE", "DELETE"),
    ("CONTENT_LENGTH", "nonsense"),
    ("CONTENT_LENGTH", "-1"),
    ("CONTENT_LENGTH", "9" * 5_000),
    ("CONTENT_TYPE", "\xff"),
    ("CONTENT_TYPE", "application/json; charset=\xff"),
    ("CONTENT_TYPE", "application/json; charset=nonsense"),
    ("REMOTE_ADDR", ""),
    ("REMOTE_ADDR", "nonsense"),
)
