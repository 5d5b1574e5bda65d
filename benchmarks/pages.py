"""What the admin's pages, the export and decisions on many people cost in a small and in a large database.

    uv run python benchmarks/pages.py [--sizes 10000,1000000] [--rounds 5] [--decisions 10000] [--server URL]

The pages are asked in one process, without a network. Only ratios within one run count.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import people, sites
from benchmarks.people import COMMON, RARE
from benchmarks.scratch import databases, embedded

QUEUE, PEOPLE = "/admin/keystone/awaitingdecision/", "/admin/keystone/user/"
PAGES = {
    "dashboard": "/admin/",
    "queue": QUEUE,
    "queue, page 30": f"{QUEUE}?p=30",
    "queue, search for few": f"{QUEUE}?q={RARE}",
    "queue, rejected before": f"{QUEUE}?rejected=yes",
    "queue, both statuses": f"{QUEUE}?show=everybody",
    "people": PEOPLE,
    "people, last page": f"{PEOPLE}?p=190",
    "people, search for nobody": f"{PEOPLE}?q=qqqqq",
    "people, search for few": f"{PEOPLE}?q={RARE}",
    "people, search for many": f"{PEOPLE}?q={COMMON}",
    "people, search and status": f"{PEOPLE}?q={COMMON}&status=active",
    "people, status": f"{PEOPLE}?status=rejected",
    "people, a status that nobody has": f"{PEOPLE}?status=suspended",
    "people, unverified": f"{PEOPLE}?verified=no",
    "people, flow": f"{PEOPLE}?flow=none",
    "people, staff": f"{PEOPLE}?staff=yes",
    "sessions": "/admin/keystone/session/",
    "audit log": "/admin/keystone/auditevent/",
    "audit log, search for few": f"/admin/keystone/auditevent/?q={RARE}",
}
ALONE = 200  # decisions that are made one by one


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure the admin's pages and decisions at two sizes.")
    parser.add_argument("--sizes", default="10000,1000000", help="numbers of people (default: 10000,1000000)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each page is asked (default: 5)")
    parser.add_argument("--decisions", type=int, default=10_000, help="people decided on at once (default: 10000)")
    parser.add_argument("--server", default="", help="URL of a PostgreSQL on which databases may be made")
    options = parser.parse_args()
    sizes = [int(size) for size in options.sizes.split(",")]
    server = options.server or embedded(fsync=True)
    found = {size: _measured(server, size, rounds=options.rounds, decisions=options.decisions) for size in sizes}
    small, large = found[sizes[0]], found[sizes[-1]]
    print(f"| page | ms at {sizes[0]:,} | ms at {sizes[-1]:,} | ratio | queries |\n|---|---|---|---|---|")
    for name in PAGES:
        (few, _), (many, queries) = small["pages"][name], large["pages"][name]
        print(f"| {name} | {few * 1000:.1f} | {many * 1000:.1f} | {many / few:.2f} | {queries} |")
    print("\n| people | decided one by one, each ms | in bulk, each ms | times as fast | exported, rows/s |")
    print("|---|---|---|---|---|")
    for size, figures in found.items():
        alone, together = figures["alone"] * 1000, figures["together"] * 1000
        print(f"| {size:,} | {alone:.2f} | {together:.3f} | {alone / together:.1f} | {figures['exported']:,.0f} |")
    return 0


def _measured(server: str, size: int, *, rounds: int, decisions: int) -> dict[str, Any]:
    with databases(server, ["keystone"]) as urls, tempfile.TemporaryDirectory(prefix="keystone-pages-") as folder:
        site = sites.keystone(urls["keystone"], Path(folder))
        people.fill(site, urls["keystone"], size)
        environment = {**os.environ, **site.environment, "LOG_LEVEL": "ERROR"}
        command = [sys.executable, __file__, "--measure", str(rounds), str(decisions)]
        done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def _measure(rounds: int, decisions: int) -> dict[str, Any]:
    """Measure on the database of the settings."""
    import django

    django.setup()
    from django.conf import settings
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from keystone.accounts.export import stream_people_csv
    from keystone.accounts.lifecycle import approve_user, approve_users
    from keystone.accounts.models import User
    from keystone.actors.actor import Actor

    settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
    client = Client(headers={"host": "localhost", "x-forwarded-proto": "https"})
    client.force_login(User.objects.filter(is_superuser=True).order_by("pk")[0])
    pages = {}
    for name, path in PAGES.items():
        if (status := client.get(path).status_code) != 200:
            raise RuntimeError(f"{path} answered {status}")
        with CaptureQueriesContext(connection) as queries:
            client.get(path)
        made = len(queries)  # before the next request, which forgets them
        times = [_timed(lambda path=path: client.get(path)) for _ in range(rounds)]  # type: ignore[misc]  # binds it
        pages[name] = (statistics.median(times), made)
    by = Actor.cli()
    waiting = list(User.objects.awaiting_approval().order_by("pk")[: decisions + ALONE])
    first, others = waiting[:ALONE], [user.pk for user in waiting[ALONE:]]
    if not others:
        raise RuntimeError(f"There are no more than {ALONE} people who wait.")
    alone = _timed(lambda: [approve_user(user, by=by) for user in first]) / len(first)
    together = _timed(lambda: approve_users(others, by=by)) / len(others)
    count = User.objects.count()
    exported = count / _timed(lambda: sum(len(line) for line in stream_people_csv(User.objects.all())))
    return {"pages": pages, "alone": alone, "together": together, "exported": exported}


def _timed(call: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(_measure(int(sys.argv[2]), int(sys.argv[3]))))
    else:
        sys.exit(main())
