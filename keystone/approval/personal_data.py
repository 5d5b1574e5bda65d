"""The data kept about a person for undoing a decision."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from keystone.accounts.models import User
from keystone.approval.undo import DecisionUndo
from keystone.personal_data import Erasure, collector, eraser


@collector("undoable_decision", label=_("A decision that can be undone"), models=["keystone.DecisionUndo"])
def collect_undoable_decision(user: User) -> Iterator[dict[str, Any]]:
    """Yield when a decision about the person was made, and until when it can be undone."""
    for decided_at, until in DecisionUndo.objects.filter(user=user).values_list("decided_at", "until"):
        yield {"decided_at": decided_at, "until": until}


@eraser("undoable_decision", models=["keystone.DecisionUndo"])
def erase_undoable_decision(user: User, erasure: Erasure) -> None:
    """Delete what is kept for undoing decisions about the person or by them."""
    DecisionUndo.objects.filter(Q(user=user) | Q(by=user)).delete()
