"""Write audit events."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import models

from keystone.actors.actor import Actor
from keystone.audit.models import AuditEvent
from keystone.observability.origin import current_origin

BATCH = 1_000


def event(
    action: str,
    target: models.Model,
    *,
    by: Actor,
    reason: str = "",
    note: str = "",
    changes: Mapping[str, Any] | None = None,
) -> AuditEvent:
    """Return the unsaved event that `by` did `action` to `target`.

    Args:
        action: the action as `<target>.<past tense>`, such as `user.approved`.
        target: the row that was acted on; its primary key and its string representation are stored.
        by: the actor.
        reason: the reason that the person was given.
        note: a note for administrators only.
        changes: `[before, after]` for each changed field. Never a secret.
    """
    where = current_origin()
    return AuditEvent(
        actor_id=by.user.pk if by.user is not None else None,
        actor_kind=by.kind,
        actor_label=by.label[:320],
        action=action,
        target_type=kind_of(target),
        target_id=str(target.pk),
        target_label=str(target)[:320],
        reason=reason,
        note=note,
        changes=dict(changes or {}),
        ip_address=where.ip_address,
        request_id=where.request_id,
    )


def record(events: Iterable[AuditEvent]) -> None:
    """Save the events. Call it inside the transaction of the changes that they record."""
    AuditEvent.objects.bulk_create(events, batch_size=BATCH)


def kind_of(target: models.Model) -> str:
    """Return the model's name. A proxy model's own name is used only if its concrete model is in another app."""
    model = target._meta.concrete_model or type(target)
    if model._meta.app_label != target._meta.app_label:
        model = type(target)
    return model._meta.model_name or ""
