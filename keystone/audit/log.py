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
    """Build, without saving it, the event that `by` did `action` to `target`.

    Args:
        action: what happened, as `<target>.<past tense>`, such as `user.approved`.
        target: the row it happened to; its key and its text are kept.
        by: who did it.
        reason: the reason that the person was given.
        note: what only administrators may read.
        changes: for each changed field `[before, after]`. Never a secret.
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
    """Save the events. Call it inside the transaction of what they tell of."""
    AuditEvent.objects.bulk_create(events, batch_size=BATCH)


def kind_of(target: models.Model) -> str:
    """The name of the model; a proxy is a kind of its own only where what it stands for is another app's."""
    model = target._meta.concrete_model or type(target)
    if model._meta.app_label != target._meta.app_label:
        model = type(target)
    return model._meta.model_name or ""
