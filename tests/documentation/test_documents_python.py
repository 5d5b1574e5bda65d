"""Blocks of Python in the documents: they compile, what they import is there, and those that can be run are run."""

import ast
import importlib
import io
import sys
import types
from collections.abc import Iterator
from contextlib import redirect_stdout
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from django.db import models, transaction
from django.test.utils import isolate_apps
from django.utils import timezone
from django.utils.translation import gettext
from pytest_django import Settings

from keystone import personal_data as privacy
from keystone.accounts.models import Status, User
from keystone.data import registry as data
from keystone.environment.env import BASE_DIR
from keystone.mail.models import OutgoingMail
from keystone.mail.registry import EMAILS
from keystone.scheduling import registry as scheduling
from keystone.testing.factories import UserFactory
from keystone.testing.queued_tasks import QueuedTasks
from keystone.two_factor.encryption import encrypt, is_current
from keystone.two_factor.models import Authenticator
from project.models import Profile
from tests.documentation.documents import HEREDOC, Code, blocks

EXTENDING = [BASE_DIR / "docs" / "extending.md"]
REGISTRIES: list[Any] = [
    EMAILS, scheduling._declared, *data._BY_KIND.values(),
    privacy.PARTS, privacy.ERASERS, privacy.ERASED_MODELS, privacy.NOT_PERSONAL,
]  # fmt: skip
MODULE = "project.documented"


def ran(block: Code, module: types.ModuleType) -> None:
    """Run a block as a part of a module."""
    exec(compile(block.text, block.place, "exec"), vars(module))  # noqa: S102 - our own documents


@pytest.fixture
def documented() -> Iterator[types.ModuleType]:
    """A module of the project's with what the text speaks of, where only Keystone's own mails are declared."""
    kept = [registry.copy() for registry in REGISTRIES]
    for registry in REGISTRIES:
        if registry is not EMAILS:
            registry.clear()
    EMAILS.pop("organisation_changed", None)  # the project's own has this name
    module = types.ModuleType(MODULE)
    sys.modules[MODULE] = module
    with isolate_apps("project"):

        class Article(models.Model):  # noqa: DJ008 - nobody looks at one
            number = models.CharField(max_length=20, unique=True)
            title = models.CharField(max_length=200)
            price = models.DecimalField(max_digits=8, decimal_places=2)

            class Meta:
                app_label = "project"

    presupposed = {
        **dict.fromkeys(("Article", "Invoice", "Order", "Project"), Article),
        "NoOutput": ValueError, "Path": Path, "Profile": Profile, "User": User,
        "_": gettext, "cycle": cycle, "gettext": gettext, "transaction": transaction,
        "tomorrow": timezone.now() + timedelta(days=1),
    }  # fmt: skip
    vars(module).update(presupposed)
    yield module
    del sys.modules[MODULE]
    for registry, before in zip(REGISTRIES, kept, strict=True):
        registry.clear()
        registry.update(before)


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_a_block_of_python_compiles_and_imports_what_is_there(block: Code) -> None:
    tree = ast.parse(block.text, block.place)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                importlib.import_module(alias.name)
        elif isinstance(node, ast.ImportFrom):
            module = importlib.import_module(str(node.module))
            missing = [alias.name for alias in node.names if not hasattr(module, alias.name)]
            assert missing == [], node.module


@pytest.mark.django_db
def test_what_extending_shows_runs_in_a_project(documented: types.ModuleType) -> None:
    user = UserFactory(status=Status.ACTIVE, email="ann@example.com")
    documented.user, documented.profile = user, Profile(user=user)  # type: ignore[attr-defined]  # its text has them
    for block in blocks("python", documents=EXTENDING):
        ran(block, documented)

    mail = EMAILS["organisation_changed"](user, organisation="ACME")
    assert mail is not None
    assert mail.context["organisation"] == "ACME"
    queued = OutgoingMail.objects.values_list("template", flat=True)
    assert set(queued) == {"organisation_changed", "suspended"}
    user.refresh_from_db()
    assert (user.status, user.status_reason) == (Status.SUSPENDED, "Your contract has ended.")
    assert set(scheduling.declarations()) == {"project.send_report", "project.fetch_rates"}
    assert list(data._importers) == ["articles"]
    assert list(data._scripts) == ["organisations"]
    assert [step.name for step in data._pipelines["nightly"].steps] == ["fetch-catalogue", "articles", "profiles"]
    assert (list(privacy.PARTS), list(privacy.ERASERS)) == (["orders"], ["orders"])
    UserFactory()
    UserFactory()
    assert data._seeders["profiles"].function(count=5) == 2


def test_the_test_that_extending_shows_passes(documented: types.ModuleType, queued_tasks: QueuedTasks) -> None:
    documented.user = UserFactory()  # type: ignore[attr-defined]  # its text has one
    for block in blocks("python", documents=EXTENDING):
        if "@task(" in block.text:
            body = block.text.replace("-> str: ...", '-> str: return "…"')  # the text leaves it to the reader
            ran(Code(block.place, "python", body.partition("\n\ncreate_workspace")[0]), documented)
        elif "def test_" in block.text:
            ran(block, documented)
    documented.test_workspace_is_created(queued_tasks)


@pytest.mark.django_db
def test_the_secrets_of_second_factors_are_sealed_anew_as_the_operations_say(settings: Settings) -> None:
    authenticator = Authenticator.objects.create(
        user=UserFactory(), confirmed=True, confirmed_at=timezone.now(), sealed_secret=encrypt(b"x" * 20)
    )
    secret = authenticator.secret
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another key " * 5
    [script] = [
        found["text"]
        for block in blocks("bash", documents=[BASE_DIR / "docs" / "operations" / "keys.md"])
        if (found := HEREDOC.search(block.text))
    ]
    for said in ("1 of 1 sealed anew\n", "0 of 0 sealed anew\n"):
        with redirect_stdout(io.StringIO()) as output:
            exec(compile(script, "keys.md", "exec"), {})  # noqa: S102 - our own document
        assert output.getvalue() == said
    settings.SECRET_KEY_FALLBACKS = []
    authenticator.refresh_from_db()
    assert is_current(authenticator.sealed_secret)
    assert authenticator.secret == secret
