"""The origins that may call the API: exactly as browsers send them, every other spelling told."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from keystone.environment import env


@pytest.mark.parametrize(
    "value", ["https://app.example.com,http://localhost:5173", '["https://app.example.com", "http://localhost:5173"]']
)
def test_origins_are_taken_exactly(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    assert env.origins("BACKEND_CORS_ORIGINS") == []
    monkeypatch.setenv("BACKEND_CORS_ORIGINS", value)
    assert env.origins("BACKEND_CORS_ORIGINS") == ["https://app.example.com", "http://localhost:5173"]


@pytest.mark.parametrize(
    "origin",
    [
        "https://a.example",
        "http://127.0.0.1:1",
        "http://[::1]:8000",
        "https://xn--bcher-kva.example",
        "http://localhost",
    ],
)
def test_an_origin_is_scheme_host_and_port(monkeypatch: pytest.MonkeyPatch, origin: str) -> None:
    monkeypatch.setenv("NAME", origin)
    assert env.origins("NAME") == [origin]


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "null",
        "app.example.com",
        "//app.example.com",
        "https://",
        "https://*.example.com",
        "https://app.example.com/path",
        "https://app.example.com//",
        "https://app.example.com?x",
        "https://app.example.com#x",
        "https://user@app.example.com",
        "https://APP.example.com",
        "HTTPS://app.example.com",
        "https://bücher.example",
        "https://app.example.com:port",
        "https://app.example.com:99999",
        "https://app.example.com:",
        "https://[::1",
        "ftp://app.example.com",
        "file://",
        "^https://.*$",
        "https://app.example.com\nx",
        "https://app .example.com",
    ],
)
def test_what_is_no_origin_is_refused(monkeypatch: pytest.MonkeyPatch, origin: str) -> None:
    monkeypatch.setenv("BACKEND_CORS_ORIGINS", f"https://app.example.com,{origin}")
    with pytest.raises(
        ImproperlyConfigured,
        match=r"^BACKEND_CORS_ORIGINS must name origins such as https://app\.example\.com, .*; not '.*'\.$",
    ):
        env.origins("BACKEND_CORS_ORIGINS")


@pytest.mark.parametrize(
    ("origin", "hint"),
    [
        ("https://app.example.com/", "without the slash at its end; browsers send none."),
        ("http://localhost:5173/", "without the slash at its end; browsers send none."),
        ("https://app.example.com:443", "without the port; browsers leave a usual one out."),
        ("http://app.example.com:80/", "without the port; browsers leave a usual one out."),
    ],
)
def test_what_no_browser_sends_is_told_with_a_hint(monkeypatch: pytest.MonkeyPatch, origin: str, hint: str) -> None:
    monkeypatch.setenv("NAME", origin)
    with pytest.raises(ImproperlyConfigured) as caught:
        env.origins("NAME")
    assert str(caught.value) == f"NAME: write {origin!r} {hint}"


def test_names_of_headers_are_taken_in_lower_case_and_else_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert env.header_names("BACKEND_CORS_HEADERS") == []
    for value in ("X-Client-Version, x_b3", '["X-Client-Version", "x_b3"]'):
        monkeypatch.setenv("BACKEND_CORS_HEADERS", value)
        assert env.header_names("BACKEND_CORS_HEADERS") == ["x-client-version", "x_b3"]
    for wrong in ("*", "X Client", "X-Client: 1", "ä", "a;b"):
        monkeypatch.setenv("BACKEND_CORS_HEADERS", f"X-Client-Version,{wrong}")
        with pytest.raises(ImproperlyConfigured, match=r"^BACKEND_CORS_HEADERS must name headers such as"):
            env.header_names("BACKEND_CORS_HEADERS")
