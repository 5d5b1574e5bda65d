"""Run seeders."""

from collections.abc import Iterator

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext

from keystone.actors.actor import Actor
from keystone.data.declarations import Seeder
from keystone.data.models import DataRun, Kind
from keystone.data.recording import Counts, exclusive, recorded, succeed
from keystone.data.registry import named, seeders
from keystone.environment.env import SERVERS
from keystone.exceptions import Refusal


class NotOnServers(Refusal):
    """Sample data must not be created on a server."""

    code = "not_on_servers"


class NoCount(Refusal):
    """A seeder or a script did not return how many rows it wrote."""

    code = "no_count"


def run_seeder(name: str, *, count: int, by: Actor, pipeline: DataRun | None = None, step: str = "") -> DataRun:
    """Create rows in one transaction.

    Args:
        count: how many rows.
        by: who runs it.
        pipeline, step: the pipeline's run and the step's name if the seeder is a step of a pipeline.

    Raises:
        Unknown: there is no such seeder.
        NotOnServers: it may not run in staging or production.
        AlreadyRuns: it is already running.
    """
    seeder = named(seeders(), Kind.SEEDER, name)
    refuse_on_servers(seeder)
    with (
        exclusive(Kind.SEEDER, name),
        recorded(Kind.SEEDER, name, by=by, options={"count": count}, pipeline=pipeline, step=step) as run,
        transaction.atomic(),
    ):
        made: object = seeder.function(count=count)  # the return type is not guaranteed
        if not isinstance(made, int) or isinstance(made, bool):
            raise NoCount(gettext("%(source)s must return how many rows it created.") % {"source": seeder.source})
        succeed(run, Counts(written=made))
    return run


def run_all_seeders(*, count: int, by: Actor) -> Iterator[DataRun]:
    """Run every seeder, one after the other, and yield each run when it is done.

    Raises:
        NotOnServers: one of them may not run here; none is run then.
        Exception: the error of the first that fails; earlier ones stay done.
    """
    found = seeders().values()
    for seeder in found:
        refuse_on_servers(seeder)
    for seeder in found:
        yield run_seeder(seeder.name, count=count, by=by)


def refuse_on_servers(seeder: Seeder) -> None:
    """Refuse a seeder of sample data on a server.

    Raises:
        NotOnServers: it may not run in staging or production.
    """
    if settings.ENVIRONMENT in SERVERS and not seeder.on_servers:
        text = gettext("The seeder %(name)s creates made-up data. It does not run in %(environment)s.")
        raise NotOnServers(text % {"name": seeder.name, "environment": settings.ENVIRONMENT})
