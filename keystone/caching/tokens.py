"""Version tokens of tables: a write gives the table a new one.

An answer that was made under other tokens than those of now is not used. A token that is not there (the cache may drop
what it likes) is made anew and never counted up again, so that none comes twice.
"""

import secrets
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.signals import setting_changed
from django.db import connections, router
from django.db.models import Model
from django.db.models.deletion import DatabaseOnDelete
from django.utils.module_loading import import_string

ERA = "caching:era"  # the token that stands for everything

type ModelOrLabel = type[Model] | str


def token() -> int:
    """A number that nothing had before. Redis keeps numbers as they are."""
    return secrets.randbits(62)


@lru_cache(maxsize=1)
def is_shared() -> bool:
    """Whether all processes have one cache. Else none could tell the others what it changed."""
    backend = import_string(str(settings.CACHES["default"]["BACKEND"]))
    return not issubclass(backend, (LocMemCache, DummyCache))


def renew(keys: Iterable[str]) -> None:
    """Give each of these keys a new token."""
    cache: Any = caches["default"]
    if hasattr(cache, "renew"):
        cache.renew(keys)
    else:
        cache.set_many({key: token() for key in keys}, None)


def key_of(database: str, table: str) -> str:
    """Where the token of a table is."""
    return f"caching:table:{database}:{table}"


def keys_of(models: tuple[ModelOrLabel, ...]) -> list[str]:
    """Where the tokens are that stand for the rows of these models."""
    keys = {
        key_of(str(connections[alias_of(model)].settings_dict["NAME"]), table)
        for model in models
        for table in tables_of(model)
    }
    return [ERA, *sorted(keys)]


def touches(models: tuple[ModelOrLabel, ...], tables: set[str]) -> bool:
    """Whether a change of these tables may change rows of the models."""
    return any(not tables.isdisjoint(tables_of(model)) for model in models)


def alias_of(model: ModelOrLabel) -> str:
    """The database that the model is written to."""
    return router.db_for_write(_model(model))


@lru_cache
def tables_of(model: ModelOrLabel) -> frozenset[str]:
    """The tables whose statements change rows of the model.

    That is its own, those of the models that it inherits from, those of its many-to-many relations, and those from
    which the database itself deletes or empties on (`DB_CASCADE` and its kin).
    """
    found: set[str] = set()
    waiting = [_model(model)]
    while waiting:
        meta = waiting.pop()._meta
        if meta.db_table in found:
            continue
        found.add(meta.db_table)
        for field in meta.get_fields(include_hidden=True):
            relation: Any = getattr(field, "remote_field", None)
            if field.many_to_many:
                through = getattr(field, "through", None) or getattr(relation, "through", None)
                found |= {through._meta.db_table} if through else set()
            elif field.concrete and relation:
                is_parent = getattr(relation, "parent_link", False)
                if is_parent or isinstance(getattr(relation, "on_delete", None), DatabaseOnDelete):
                    waiting.append(relation.model)
    return frozenset(found)


@lru_cache(maxsize=1)
def known_tables() -> frozenset[str]:
    """The tables of all models."""
    return frozenset(model._meta.db_table for model in apps.get_models(include_auto_created=True))


def _model(model: ModelOrLabel) -> type[Model]:
    return apps.get_model(model) if isinstance(model, str) else model


def _forget(*, setting: str, **_: Any) -> None:
    if setting == "CACHES":
        is_shared.cache_clear()
    elif setting == "INSTALLED_APPS":
        known_tables.cache_clear()
        tables_of.cache_clear()


setting_changed.connect(_forget, dispatch_uid="keystone.caching.tokens")
