"""A row of every kind that the admin shows, and the addresses of all pages that show them."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.db.models import Model
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, get_resolver, reverse
from django.utils import timezone

from keystone.accounts import tokens
from keystone.accounts.models import User
from keystone.accounts.status import ApprovalFlow, Status
from keystone.accounts.tokens import Purpose
from keystone.actors.actor import Actor
from keystone.approval.notices.unsubscribing import unsubscribe_url
from keystone.approval.saved_reasons import SavedReason
from keystone.audit.log import event, record
from keystone.data.models import DataRun, Kind, State
from keystone.mail.models import MailState, SuppressedAddress
from keystone.scheduling.models import RunState, ScheduledJob, ScheduledRun
from keystone.scheduling.processes import beat
from keystone.scheduling.registering import declared_jobs, register_jobs
from keystone.sessions.models import Session
from keystone.testing.factories import UserFactory
from keystone.throttling.models import AttemptWindow, Limit
from tests.background.rows import ended, process, running, waiting
from tests.mail.rows import outgoing

UNSUBSCRIBE = "unsubscribe"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Gecko/20100101 Firefox/130.0"


def make_everything(root: User) -> dict[str, str]:
    """Make the rows.

    Returns:
        A token for each kind of link in mails.
    """
    now = timezone.now()
    UserFactory(status=Status.PENDING_ADMIN_APPROVAL, email="ann@acme.example", first_name="Ann", last_name="Smith")
    UserFactory(
        status=Status.PENDING_ADMIN_APPROVAL,
        approval_flow=ApprovalFlow.ADMIN_APPROVAL,
        verified=False,
        rejection_count=1,
        email="a.very.long.mailbox.name.of.somebody@subdomain.of.a.long.example.org",
        first_name="Maximiliane-Theodora",
        last_name="Wolfeschlegelsteinhausenbergerdorff",
    )
    for status in (Status.PENDING_EMAIL_VERIFICATION, Status.REJECTED, Status.SUSPENDED, Status.DEACTIVATED):
        UserFactory(status=status)
    person = UserFactory(email="dana@example.com", first_name="Dana", last_name="Reyes")
    group = Group.objects.create(name="Editors")
    group.permissions.add(*Permission.objects.filter(content_type__app_label="keystone")[:3])
    person.groups.add(group)
    for user in (person, root):
        Session.objects.create(
            user=user, refresh_digest="", expires_at=now + timedelta(days=1), user_agent=FIREFOX, ip_address="192.0.2.7"
        )
    AttemptWindow.objects.create(limit=Limit.ADDRESS, address=person.email, count=3, ends_at=now + timedelta(hours=1))
    SavedReason.objects.create(title="Work address", text="Please register with your work address.")
    changes = {"first_name": ["Dan", "Dana"]}
    record([event("user.updated", person, by=Actor.administrator(root), reason="A typo", changes=changes)])
    waiting(), running(), ended("failed"), process()
    for state in MailState:
        outgoing(state, user=person, recipient=person.email, last_error="550 5.1.1 No such user")
    SuppressedAddress.objects.create(address="bounced@example.com", reason="550 5.1.1 No such user")
    beat("here:1:a", declared_jobs())
    register_jobs("here:1:a", starting=True)
    job = ScheduledJob.objects.order_by("pk")[0]
    for number, run_state in enumerate(RunState):
        ScheduledRun.objects.create(job=job, slot=now - timedelta(hours=number), state=run_state, attempts=1)
    for run in (State.SUCCEEDED, State.FAILED):
        ended_at = {"started_at": now, "finished_at": now}
        DataRun.objects.create(kind=Kind.IMPORTER, name="people", state=run, rows_read=20, rows_refused=2, **ended_at)
    given: dict[str, Any] = {"user": person, "email": person.email, "lifetime": timedelta(hours=1)}
    links: dict[str, str] = {purpose: tokens.mint(purpose=purpose, **given) for purpose in Purpose}
    return {**links, UNSUBSCRIBE: unsubscribe_url(root).rstrip("/").rpartition("/")[2]}


def admin_pages(client: Client) -> list[str]:
    """The addresses of all pages of the admin: those of every model, and the site's own."""
    found = []
    for model, model_admin in admin.site._registry.items():
        rows = list(model._base_manager.order_by("pk")) if model is not User else _people()
        for pattern in model_admin.get_urls():
            page = _first_page(client, pattern, rows) if pattern.name else None
            found += [page] if page else []
    for own in admin.site.get_urls():
        page = _first_page(client, own, []) if isinstance(own, URLPattern) and own.name else None
        found += [page] if page else []
    return list(dict.fromkeys(found))


def public_pages(links: dict[str, str]) -> list[str]:
    """The addresses of every page for everybody, those that a link in a mail leads to included."""
    purposes = {
        "verify-email": Purpose.VERIFY_EMAIL,
        "reset-password": Purpose.RESET_PASSWORD,
        "confirm-email": Purpose.CONFIRM_EMAIL,
        "revert-email": Purpose.REVERT_EMAIL,
        "unsubscribe": UNSUBSCRIBE,
    }
    _prefix, pages = get_resolver().namespace_dict["pages"]
    found = []
    for name in {str(name) for name in pages.reverse_dict if isinstance(name, str)}:
        if name in purposes:
            found += [reverse(f"pages:{name}", args=[token]) for token in (links[purposes[name]], "unknown")]
        else:
            found.append(reverse(f"pages:{name}"))
    return [*sorted(found), "/api/session/login/", "/admin/login/", "/nothing-is-here/"]


def _people() -> list[Model]:
    """One of each status, the active one last, so that each decision finds somebody whom it fits."""
    people = {user.status: user for user in User.objects.filter(is_staff=False).order_by("-pk")}
    return sorted(people.values(), key=lambda user: user.status == Status.ACTIVE)


def _first_page(client: Client, pattern: URLPattern, rows: list[Any]) -> str | None:
    """The page of the first of these rows that has one at this pattern."""
    names = list(pattern.pattern.converters)
    given: list[dict[str, Any]] = [{}]
    if names == ["name"]:
        given = [{"name": "approved"}]
    elif names:
        given = [{names[0]: row.pk} for row in rows]
    for values in given:
        try:
            address = reverse(f"admin:{pattern.name}", kwargs=values)
        except NoReverseMatch:
            continue
        response = client.get(address)
        is_page = "<html" in response.content.decode(errors="replace") if not response.streaming else False
        is_sandboxed = "sandbox" in response.get("Content-Security-Policy", "")  # no script runs there, so axe neither
        if response.status_code == 200 and is_page and not is_sandboxed:
            return address
    return None
