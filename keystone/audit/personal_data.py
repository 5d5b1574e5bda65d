"""The audit log's data about a person. Erasure keeps the events under a pseudonym."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from keystone.actors.actor import ActorKind
from keystone.audit.models import AuditEvent
from keystone.personal_data import Erasure, collector, eraser

ROWS = 1_000  # at a time
OTHERS = (ActorKind.ADMINISTRATOR, ActorKind.CLI)
# Fields about the person themselves, not about their status or permissions.
PERSONAL = ("email", "first_name", "last_name", "device", "ip_address")
GONE = "…"
TEXTS = ("target_label", "actor_label", "reason", "note", "changes::text")


@collector("history", label=_("What happened to the account, and what its owner did"), models=["keystone.AuditEvent"])
def collect_history(user: Any) -> Iterator[dict[str, Any]]:
    """Yield the events about the person in full, and what they did to others without naming them."""
    is_about = Q(target_type="user", target_id=str(user.pk))
    for event in AuditEvent.objects.filter(is_about | Q(actor=user)).order_by("created_at", "pk").iterator(ROWS):
        is_own = event.actor_id == user.pk
        row: dict[str, Any] = {"at": event.created_at, "action": event.action, "by_you": is_own}
        if event.target_type == "user" and event.target_id == str(user.pk):
            row |= {"about_you": True, "reason": event.reason, "note": event.note, "changes": event.changes}
            row |= {"by": event.actor_label if is_own else event.get_actor_kind_display()}
        if is_own:
            row["ip_address"] = event.ip_address
        yield row


@eraser("history", models=["keystone.AuditEvent"])
def erase_history(user: Any, erasure: Erasure) -> None:
    """Replace the person's email addresses and names with the pseudonym.

    Texts that were written about them, and the IP addresses that they acted from, are removed.

    What was done, when and by whom is kept. So are the labels of other people, even if they formerly used an address
    that the person later had or requested.
    """
    of_person = Q(target_type="user", target_id=str(user.pk)) | Q(actor=user)
    keys = {*AuditEvent.objects.filter(of_person).values_list("pk", flat=True), *_mentioning(erasure.addresses)}
    ordered = sorted(keys)
    with _changeable():
        for place in range(0, len(ordered), ROWS):
            events = list(AuditEvent.objects.filter(pk__in=ordered[place : place + ROWS]))
            others = _others(events, user)
            for event in events:
                _pseudonymise(event, user, erasure, others)
            fields = ["actor_label", "target_label", "reason", "note", "changes", "ip_address"]
            AuditEvent.objects.bulk_update(events, fields)


def _mentioning(addresses: frozenset[str]) -> QuerySet[AuditEvent, Any]:
    """Return the primary keys of events that contain one of these email addresses. It reads the whole log."""
    where = " OR ".join(f"position(address IN lower({text})) > 0" for text in TEXTS)
    condition = f"EXISTS (SELECT FROM unnest(%s::text[]) AS address WHERE {where})"
    return AuditEvent.objects.extra(where=[condition], params=[sorted(addresses)]).values_list("pk", flat=True)  # noqa: S610 - built from constants


def _others(events: list[AuditEvent], user: Any) -> frozenset[str]:
    """Return the primary keys of the other existing accounts that these events refer to."""
    key = get_user_model()._meta.pk
    keys = {event.actor_id for event in events} - {None, user.pk}
    for event in events:
        if event.target_type == "user" and event.target_id != str(user.pk):
            with suppress(ValidationError):  # a product may have its own `user` model
                keys.add(key.to_python(event.target_id))
    people = get_user_model()._default_manager.filter(pk__in=keys)
    return frozenset(map(str, people.values_list("pk", flat=True)))


def _pseudonymise(event: AuditEvent, user: Any, erasure: Erasure, others: frozenset[str]) -> None:
    is_target = event.target_type == "user" and event.target_id == str(user.pk)
    is_actor = event.actor_id == user.pk
    if is_target:
        event.target_label = erasure.pseudonym
        event.reason = event.note = ""
        event.changes = {name: _without(name, change) for name, change in event.changes.items()}
    if is_actor:
        event.actor_label = erasure.pseudonym
    if is_actor or (is_target and event.actor_kind not in OTHERS):
        event.ip_address = None
    named = _pattern(erasure.known_addresses if is_target else erasure.addresses)
    is_of_other = event.target_type == "user" and event.target_id in others

    def replaced(text: str) -> str:
        return named.sub(erasure.pseudonym, text)

    if not is_of_other:
        event.target_label = replaced(event.target_label)[:320]
    if str(event.actor_id) not in others:
        event.actor_label = replaced(event.actor_label)[:320]
    event.reason, event.note = replaced(event.reason), replaced(event.note)
    their_own = {"email": event.changes["email"]} if is_of_other and "email" in event.changes else {}
    event.changes = _replaced(event.changes, replaced) | their_own


def _pattern(addresses: frozenset[str]) -> re.Pattern[str]:
    """Return a pattern that matches these email addresses, but not longer ones that contain them."""
    longest_first = sorted(addresses, key=len, reverse=True)
    any_of_them = "|".join(re.escape(address) for address in longest_first)
    return re.compile(rf"(?<![\w.+-])(?:{any_of_them})(?![\w-]|\.\w)", re.IGNORECASE)


def _without(name: str, change: Any) -> Any:
    if name not in PERSONAL:
        return change
    return [GONE if value else value for value in change] if isinstance(change, list) else GONE


def _replaced(value: Any, replaced: Any) -> Any:
    if isinstance(value, str):
        return replaced(value)
    if isinstance(value, list):
        return [_replaced(item, replaced) for item in value]
    if isinstance(value, dict):
        return {replaced(key): _replaced(item, replaced) for key, item in value.items()}
    return value


@contextmanager
def _changeable() -> Iterator[None]:
    """Allow an erasure to change the log in the block. Otherwise a trigger refuses every change."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL keystone.erasing = 'on'")
        yield
        cursor.execute("SET LOCAL keystone.erasing = 'off'")
