"""Secrets that a request brought are masked where an error quotes them without a name."""

import json

from django.test import RequestFactory
from pytest_django import Settings

from keystone.observability.logs.masking import masked
from keystone.observability.logs.request_secrets import note_secrets, noted_secrets, noting

PASSWORD = 'it\'s a "pass word" & mörē'


def test_cookies_the_query_and_the_header_are_noted() -> None:
    request = RequestFactory(headers={"Authorization": "Basic c29tZWJvZHk6cGFzc3dvcmQ="}).get(
        "/?token=tok-tok-tok&page=first-page"
    )
    request.COOKIES.update(sessionid="sess-key", language="en", other="another cookie value")
    with noting(request):
        text = "c29tZWJvZHk6cGFzc3dvcmQ= tok-tok-tok first-page sess-key en another cookie value"
        assert masked(text) == "… … first-page … en …"
    assert noted_secrets() == []
    assert masked("tok-tok-tok") == "tok-tok-tok"


def test_a_body_is_noted_in_every_spelling() -> None:
    with noting(RequestFactory().get("/")):
        note_secrets(
            {"password": PASSWORD, "email": "somebody@example.com", "otp": 1, "token": "short", "code": "918273"}
        )
        note_secrets(["password", PASSWORD])
        for text in (PASSWORD, repr(ValueError(PASSWORD)), json.dumps([PASSWORD])):
            assert "pass word" not in masked(text)
        assert masked("it%27s%20a%20%22pass%20word%22%20%26%20m%C3%B6r%C4%93") == "…"
        assert masked("918273") == "…"
        assert masked("somebody@example.com short") == "somebody@example.com short"
    note_secrets({"password": PASSWORD})
    assert noted_secrets() == []


def test_a_form_is_noted_once_somebody_has_read_it() -> None:
    request = RequestFactory().post("/", {"password": "form-password", "note": "a long remark"})
    with noting(request):
        assert masked("form-password") == "form-password"
        assert request.POST["note"] == "a long remark"
        assert masked("form-password a long remark") == "… a long remark"
        assert masked("form-password") == "…"


def test_a_query_of_too_many_fields_is_left_to_django(settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 3
    with noting(RequestFactory().get("/?" + "token=tok-tok-tok&" * 9)):
        assert noted_secrets() == []
