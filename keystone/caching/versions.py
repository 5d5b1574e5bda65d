"""Versions of models: values that were cached under an older version are not used.

A version is a random number in the cache. A missing one (the cache may evict any key) is replaced with a new random
number, so that no version occurs twice.
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
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.db import DEFAULT_DB_ALIAS, connections, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model, QuerySet
from django.db.models.signals import class_prepared, m2m_changed, post_delete, post_save
from django.utils.module_loading import import_string

ERA = "caching:era"  # the version of everything

type ModelOrLabel = type[Model] | str
_versioned: set[type[Model]] = set()


def versioned[M: type[Model]](model: M) -> M:
    """Give a model a version, which changes with each commit that saves or deletes its rows or relations.

    Use it as a decorator in `models.py`, which every process loads. For a model of another app, call it there. Writes
    by proxies and child models that are defined afterwards count as well. Set-based writes send no signals: use a
    `VersionedQuerySet` as the model's manager, or call `changed()`. The same holds for what a deletion sets to NULL.
    """
    _versioned.add(model)
    _connect(model)
    return model


class VersionedQuerySet[M: Model](QuerySet[M]):
    """A queryset of a versioned model whose set-based writes change its version."""

    def update(self, **values: Any) -> int:
        try:
            return super().update(**values)
        finally:  # afterwards, or another process caches the old rows; also if the connection was lost after the write
            changed(self.model)

    def bulk_create(self, *args: Any, **options: Any) -> list[M]:
        try:
            return super().bulk_create(*args, **options)
        finally:
            changed(self.model)


def changed(*models: ModelOrLabel) -> None:
    """Change the versions of these models, or without models that of everything. In a transaction, do it on commit.

    Call it after writes that send no signals, such as SQL.
    """
    if not is_shared():
        return
    for model in models:
        for key in _keys(_model(model)):
            _note(_connection(model), key)
    if not models:
        _note(connections[DEFAULT_DB_ALIAS], ERA)


def is_writing(models: tuple[ModelOrLabel, ...]) -> bool:
    """Return whether this thread's transaction has changed one of these models, so that it sees uncommitted data."""
    keys = set(keys_of(models))
    waiting = (entry[1] for connection in {*map(_connection, models)} for entry in connection.run_on_commit)
    return any(isinstance(hook, Change) and hook.keys & keys for hook in waiting)


def keys_of(models: tuple[ModelOrLabel, ...]) -> list[str]:
    """Return the cache keys of the version of everything and of these models' versions.

    Raises:
        ImproperlyConfigured: one of the models has no version.
    """
    found = {_model(model) for model in models}
    if unknown := {model for model in found if not _keys(model)}:
        labels = ", ".join(sorted(model._meta.label for model in unknown))
        raise ImproperlyConfigured(f"What depends on {labels} cannot be cached: decorate the model with @versioned.")
    return [ERA, *sorted(set[str]().union(*map(_keys, found)))]


def new_version() -> int:
    """Return a number that was not used before. Redis stores numbers as they are."""
    return secrets.randbits(62)


@lru_cache(maxsize=1)
def is_shared() -> bool:
    """Return whether all processes share one cache. Otherwise they could not learn of each other's changes."""
    backend = import_string(str(settings.CACHES["default"]["BACKEND"]))
    return not issubclass(backend, (LocMemCache, DummyCache))


class Change:
    """The version keys that a transaction has changed, as an on-commit hook."""

    def __init__(self, keys: set[str]) -> None:
        self.keys = keys

    def __call__(self) -> None:
        _renew(sorted(self.keys))


def _note(connection: BaseDatabaseWrapper, key: str) -> None:
    """Renew a version on commit, before other hooks, which might read cached values."""
    if not connection.in_atomic_block:
        _renew([key])
        return
    hooks: list[Any] = connection.run_on_commit
    for _savepoints, hook, _is_robust in (*hooks[:1], *hooks[-1:]):
        if isinstance(hook, Change):  # a rollback of its savepoint also rolls back this write
            hook.keys.add(key)
            return
    # Django's TestCase never commits, and captures appended hooks.
    is_test = getattr(connection.atomic_blocks[0], "_from_testcase", False)
    hooks.insert(len(hooks) if is_test else 0, (set(connection.savepoint_ids), Change({key}), False))


def _renew(keys: Iterable[str]) -> None:
    cache: Any = caches["default"]
    if hasattr(cache, "renew"):
        cache.renew(keys)
    else:
        cache.set_many({key: new_version() for key in keys}, None)


def _connect(model: type[Model]) -> None:
    for signal in (post_save, post_delete):
        signal.connect(_on_write, sender=model, dispatch_uid=("keystone.caching", model._meta.label))


def _on_class(*, sender: type[Model], **_: Any) -> None:
    if _keys(sender):
        _connect(sender)


def _on_write(*, sender: type[Model], **_: Any) -> None:
    changed(sender)


def _on_relation(*, instance: Any, model: type[Model], action: str, **_: Any) -> None:
    """Change the versions of both related models. With a reverse manager, the instance is of the other one."""
    if action.startswith("post_"):
        changed(type(instance), model)


def _keys(model: type[Model]) -> set[str]:
    """Return the keys of the versions that a write to this model changes: its own and its parents', if they have any.

    A proxy has the version of its concrete model.
    """
    related = {model, model._meta.concrete_model or model, *model._meta.get_parent_list()}
    return {f"caching:version:{versioned._meta.label_lower}" for versioned in related & _versioned}


def _connection(model: ModelOrLabel) -> BaseDatabaseWrapper:
    return connections[router.db_for_write(_model(model))]


def _model(model: ModelOrLabel) -> type[Model]:
    return apps.get_model(model) if isinstance(model, str) else model


def _forget(*, setting: str, **_: Any) -> None:
    if setting == "CACHES":
        is_shared.cache_clear()


class_prepared.connect(_on_class, dispatch_uid="keystone.caching")
m2m_changed.connect(_on_relation, dispatch_uid="keystone.caching")
setting_changed.connect(_forget, dispatch_uid="keystone.caching")
