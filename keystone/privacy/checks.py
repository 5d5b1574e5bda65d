"""The system check that no model with personal data is forgotten."""

from collections.abc import Iterator
from typing import Any

from django.contrib.auth import get_user_model
from django.core import checks
from django.db.models import Model

from keystone.personal_data import ERASED_MODELS, NOT_PERSONAL, PARTS


@checks.register("keystone")
def check_personal_data(**_: Any) -> list[checks.CheckMessage]:
    """W020: a model refers to people, and no collector or no eraser covers it."""
    collected = frozenset[str]().union(*(part.models for part in PARTS.values()))
    found: list[checks.CheckMessage] = []
    for model in models_of_people():
        name = model._meta.label_lower
        if name in NOT_PERSONAL:
            continue
        lacks = [what for what, covered in (("collector", collected), ("eraser", ERASED_MODELS)) if name not in covered]
        if lacks:
            found.append(
                checks.Warning(
                    f"{model._meta.label} refers to people, and no {' and no '.join(lacks)} covers it.",
                    hint="Register it in the app's personal_data.py, or say there that it is not_personal.",
                    obj=model,
                    id="keystone.W020",
                )
            )
    return found


def models_of_people() -> Iterator[type[Model]]:
    """Yield every model that refers to users. Automatic many-to-many tables belong to the models that they join."""
    user = get_user_model()
    seen: set[type[Model]] = set()
    for field in user._meta.get_fields(include_hidden=True):
        model = field.related_model if field.auto_created and not field.concrete else None
        if not isinstance(model, type) or model in seen or model is user or model._meta.auto_created:
            continue
        seen.add(model)
        yield model
