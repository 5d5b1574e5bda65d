"""Secrets in addresses are masked, and what is no whole address is masked as a whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystone.text.masked_urls import without_secrets


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("hunter2", "hunter2"),
        ("https://keystone.example.com", "https://keystone.example.com"),
        ("postgresql://me:hunter2@db:5432/keystone", "postgresql://me:***@db:5432/keystone"),
        ("postgresql://me@db/keystone", "postgresql://me@db/keystone"),
        ("postgresql:///keystone?host=/run/pg&sslmode=require", "postgresql:///keystone?host=/run/pg&sslmode=require"),
        (
            "postgresql://db/keystone?password=hunter2&sslpassword=",
            "postgresql://db/keystone?password=***&sslpassword=***",
        ),
        ("postgresql://db/keystone?hunter2", "postgresql://db/keystone?***"),
        ("redis://:hunter2@cache:6379/0", "redis://:***@cache:6379/0"),
        ("https://hunter2@sentry.example.com/1", "https://***@sentry.example.com/1"),
        ("https://api.example.com/v3?key=hunter2#hunter2", "https://api.example.com/v3?key=***#***"),
        ("postgresql://me:hun/ter2@db/keystone", "***"),
        ("postgresql://me:1?hunter2@db/keystone", "***"),
        ("postgresql://me:1#hunter2@db/keystone", "***"),
        ("postgresql://me:12/hunter2@db/keystone", "***"),
        ("://hunter2", "***"),
        ("http://[hunter2", "***"),
    ],
)
def test_an_address_is_told_without_its_secrets(text: str, shown: str) -> None:
    assert without_secrets(text) == shown


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=12), st.sampled_from([":", ""]))
def test_no_password_is_told_however_it_is_written(around: str, colon: str) -> None:
    address = f"postgresql://me:{around}hunter2{around}@db{colon}/keystone"
    assert "hunter2" not in without_secrets(address)
