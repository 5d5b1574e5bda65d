"""What every list of the admin says when it is empty, and how it names what it counts."""

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from keystone.accounts.models import User
from tests.approval.admin_pages import browser

pytestmark = pytest.mark.django_db


def lists() -> dict[str, str]:
    """The address of each list, by what it is called."""
    return {
        model._meta.label: reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        for model in admin.site._registry
    }


def test_an_empty_list_offers_to_reset_filters_only_where_there_are_some(root: User) -> None:
    client: Client = browser(root)
    for label, address in lists().items():
        if label == "keystone.User":
            continue  # whoever looks stands in it
        page = client.get(address).content.decode()
        assert "Reset filters" not in page, label
        assert "yielded" not in page, label
        assert "Nothing here" in page, label
        found = client.get(address, {"q": "nothing-of-this-name"})
        if found.context["cl"].search_fields:
            assert "Nothing matches this search." in found.content.decode(), label
            assert "Show all" in found.content.decode(), label
    filtered = client.get(f"{lists()['keystone.Task']}?state=failed").content.decode()
    assert "Nothing matches these filters." in filtered
    assert "Reset filters" in filtered


def test_what_a_list_counts_is_named_in_one_and_in_many() -> None:
    names = {str(model._meta.verbose_name): str(model._meta.verbose_name_plural) for model in admin.site._registry}
    assert names == {
        "rate limit": "rate limits",
        "audit event": "audit events",
        "import or script": "imports and scripts",
        "group": "groups",
        "mail": "mails",
        "person": "people",
        "person awaiting a decision": "people awaiting a decision",
        "profile": "profiles",
        "job run": "job runs",
        "saved reason": "saved reasons",
        "scheduled job": "scheduled jobs",
        "session": "sessions",
        "suppressed address": "suppressed addresses",
        "background task": "background tasks",
    }
