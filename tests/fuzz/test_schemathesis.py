"""Promise 13: schemathesis asks every operation, in every role, for what the schema allows and for what it does not.

The cases are the same in every run: those of the coverage phase are enumerated from the schema, and the others are
drawn with a fixed seed. Each case has a caller of one role, in turn, and is undone before the next one.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import schemathesis
from django.core import signals
from django.core.handlers.wsgi import WSGIHandler
from django.db import close_old_connections
from hypothesis import HealthCheck, settings
from pytest_django import DjangoCaptureOnCommitCallbacks
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from keystone.accounts.models import User
from tests.contract.operations import document, operation
from tests.contract.roles import ANONYMOUS, APPROVER, PERSON, SUPERUSER, SignedIn, authorization
from tests.contract.undone import undone
from tests.contract.valid import Valid, valid_request

CONFIG = schemathesis.Config.from_dict(
    {
        "seed": 20261124,
        "generation": {"max-examples": 15, "deterministic": True},
        # No words out of our own source: which they are differs from run to run.
        "analysis": {"constants": {"enabled": False}},
    }
)
schema = schemathesis.openapi.from_dict(document(), config=CONFIG)
schema.app = WSGIHandler()

# A schema cannot say that a token must be one that was mailed, nor that a password must not be a common one.
UNKNOWABLE = [positive_data_acceptance]


# What nobody could guess is filled in, so that a valid case comes as far as it can.
UNGUESSABLE = ("token", "refresh", "current_password", "ids")


@dataclass
class Caller:
    """Who calls: the account, the headers that say so, and for each operation a request that is valid, made once.

    `succeeded` is set at the first success, which shows whether the operation also answers without credentials: three
    more requests, which say the same after every further one.
    """

    user: User
    headers: dict[str, str]
    requests: dict[str, Valid] = field(default_factory=dict)
    succeeded: bool = False

    def fill_in(self, case: Any) -> None:
        """Let the parts of a case that keep to the schema name what exists."""
        name = case.operation.definition.raw["operationId"]
        if name not in self.requests:
            self.requests[name] = valid_request(operation(name), self.user)
        valid = self.requests[name]
        if not case.meta.is_negative_at(ParameterLocation.PATH):
            case.path_parameters.update({part: str(value) for part, value in valid.path.items()})
        if isinstance(case.body, dict) and not case.meta.is_negative_at(ParameterLocation.BODY):
            case.body.update({part: value for part, value in valid.body.items() if part in UNGUESSABLE})
            if "ids" in valid.body:
                case.body.pop("filter", None)  # one or the other


@pytest.fixture
def callers(db: None, unlimited: None, signed_in: SignedIn) -> Iterator[Caller]:
    """Somebody in each role, drawn with a fixed seed."""
    found = []
    for role in (ANONYMOUS, PERSON, APPROVER, SUPERUSER):
        user = role.make()
        sent = authorization(role.client(user, signed_in))
        found.append(Caller(user, {"Authorization": sent} if sent else {}))
    draw = random.Random(CONFIG.seed)  # noqa: S311 - nothing secret
    return iter(lambda: draw.choice(found), None)


@pytest.fixture(autouse=True)
def one_connection() -> Iterator[None]:
    """Keeps the test's connection, and so its transaction, over the end of a request, as Django's test client does."""
    for signal in (signals.request_started, signals.request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (signals.request_started, signals.request_finished):
        signal.connect(close_old_connections)


@schema.parametrize()
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_an_operation_keeps_to_the_schema_whoever_calls(
    case: Any, callers: Iterator[Caller], django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    """Positive and negative cases, with the checks of schemathesis; mails and tasks after commit run as well."""
    caller = next(callers)
    caller.fill_in(case)
    with undone(), django_capture_on_commit_callbacks(execute=True):
        response = case.call(headers=caller.headers)
    excluded = [*UNKNOWABLE, ignored_auth] if caller.succeeded else UNKNOWABLE
    with undone():
        case.validate_response(response, excluded_checks=excluded, headers=caller.headers)
    caller.succeeded |= response.status_code < 300
