"""How fast the served application is, beside reference points that are measured in the same run.

    uv run python benchmarks/speed.py [--people 10000] [--rounds 5] [--seconds 3] [--only me,login] [--server URL]

Keystone under production settings, djoser with simplejwt, an async FastAPI application with SQLModel, and an
application that does nothing on Keystone's server, each with two workers and with the same people. They take turns
within each round, so that what else the machine does disturbs all of them. Only ratios within one run count; they
refer to djoser, or to what is measured in its place.
"""

import argparse
import itertools
import json
import os
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import people, sites
from benchmarks.load import HEADER, Figures, ask, measure, request
from benchmarks.people import COMMON, RARE
from benchmarks.scratch import databases, embedded
from benchmarks.sites import PASSWORD, Site

BURST_LIMIT = 60.0  # seconds


@dataclass(frozen=True)
class Work:
    """A kind of work.

    Attributes:
        requests: returns the requests of a site.
        expected: returns the HTTP status that a site answers with.
        of: the key of `Site.paths`; sites without it are left out.
        references: the names of the sites beside Keystone; ratios refer to the first of them.
        at_once: the number of requests of a burst, all sent together; 0 sends requests until the time is over.
    """

    name: str
    requests: Callable[[Site], Iterator[bytes]]
    connections: int = 8
    expected: Callable[[Site], int] = lambda _site: 200
    of: str = "list"
    references: tuple[str, ...] = ("djoser", "fastapi")
    at_once: int = 0


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure the served application beside others.")
    parser.add_argument("--people", type=int, default=10_000, help="in each database (default: 10000)")
    parser.add_argument("--rounds", type=int, default=5, help="how often everything is measured (default: 5)")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement (default: 3)")
    parser.add_argument("--only", default="", help="kinds of work, as me,login; all by default")
    parser.add_argument("--sites", default="keystone,djoser,fastapi,no-op", help="what is compared (default: all)")
    parser.add_argument("--server", default="", help="URL of a PostgreSQL on which databases may be made")
    options = parser.parse_args()
    chosen = set(filter(None, options.only.split(",")))
    works = [work for work in WORKS if not chosen or work.name in chosen]
    named = options.sites.split(",")
    server = options.server or embedded(fsync=True)
    python = sites.reference_python() if {"djoser", "fastapi"} & set(named) else ""
    with (
        databases(server, [name for name in named if name in people.FILL]) as urls,
        tempfile.TemporaryDirectory(prefix="keystone-speed-") as folder,
    ):
        started: list[Site] = []
        try:
            for site in _made(urls, named, python, Path(folder)):
                if site.name in urls:
                    people.fill(site, urls[site.name], options.people)
                started.append(site)
                site.start()
                if "login" in site.paths:
                    site.token = _token(site)
            print(f"{options.people:,} people; {sites.WORKERS} workers each")
            for work in works:
                _measure(work, started, server, rounds=options.rounds, seconds=options.seconds)
            print("\n| site | started in s | memory MiB |\n|---|---|---|")
            for site in started:
                print(f"| {site.name} | {site.started_in:.2f} | {site.memory():.0f} |")
        finally:
            for site in started:
                site.stop()
    return 0


def _made(urls: dict[str, str], named: list[str], python: str, folder: Path) -> Iterator[Site]:
    for name in named:
        if name == "keystone":
            yield sites.keystone(urls[name], folder)
        elif name == "djoser":
            yield sites.djoser(urls[name], python)
        elif name == "fastapi":
            yield sites.fastapi(urls[name], python)
        else:
            yield sites.noop()


def _measure(work: Work, started: list[Site], server: str, *, rounds: int, seconds: float) -> None:
    found = {
        site.name: Figures()
        for site in started
        if site.name in ("keystone", *work.references) and work.of in site.paths
    }
    requests = {site.name: work.requests(site) for site in started if site.name in found}
    for number in range(rounds + 1):  # the first warms everything up, and does not count
        for site in started:
            if site.name not in found:
                continue
            application, database = site.cpu(), sites.database_cpu(server)
            burst = work.at_once
            sample = measure(
                site.port,
                itertools.islice(requests[site.name], burst) if burst else requests[site.name],
                connections=burst or work.connections,
                seconds=BURST_LIMIT if burst else seconds if number else min(seconds, 1.0),
                expected=work.expected(site),
            )
            if number:
                figures = found[site.name]
                figures.samples.append(sample)
                figures.application.append(site.cpu() - application)
                figures.database.append(sites.database_cpu(server) - database)
    print(f"\n{work.name}\n\n| site | {HEADER} |\n|---|{'---|' * HEADER.count('|')}---|")
    beside = next((found[name] for name in work.references if name in found), None)
    for name, figures in found.items():
        print(f"| {name} | {figures.line(beside)} |", flush=True)


def _token(site: Site) -> str:
    answer = _signed_in(site, 1)
    return str(answer.get("access") or answer["access_token"])


def _signed_in(site: Site, number: int) -> dict[str, str]:
    content = request("POST", site.paths["login"], headers=site.headers, body=_login(site, number))
    status, body = ask(site.port, content)
    if status != 200:
        raise RuntimeError(f"{site.name} refused the sign-in: {status} {body.decode()}")
    answer: dict[str, str] = json.loads(body)
    return answer


def _login(site: Site, number: int) -> bytes:
    address = f"person{number}@example.com"
    name = "username" if site.name == "djoser" else "email"
    return json.dumps({name: address, "password": PASSWORD}).encode()


def _get(path: Callable[[Site], str]) -> Callable[[Site], Iterator[bytes]]:
    def requests(site: Site) -> Iterator[bytes]:
        headers = site.headers | ({"Authorization": f"Bearer {site.token}"} if site.token else {})
        return itertools.repeat(request("GET", path(site), headers=headers))

    return requests


def _listed(**query: str) -> Callable[[Site], Iterator[bytes]]:
    text = "&".join(f"{name}={value}" for name, value in query.items())
    return _get(lambda site: f"{site.paths['list']}?{text}")


def _sign_ins(site: Site) -> Iterator[bytes]:
    for number in itertools.cycle(range(1, 1_000)):
        yield request("POST", site.paths["login"], headers=site.headers, body=_login(site, number))


class _Refreshes:
    """Requests for new tokens, each with the refresh token of an earlier answer."""

    def __init__(self, site: Site, sessions: int = 8) -> None:
        self.site = site
        self.tokens = deque(_signed_in(site, number)["refresh"] for number in range(1, sessions + 1))

    def __iter__(self) -> "_Refreshes":
        return self

    def __next__(self) -> bytes:
        body = json.dumps({"refresh": self.tokens.popleft()}).encode()
        return request("POST", self.site.paths["refresh"], headers=self.site.headers, body=body)

    def answered(self, body: bytes) -> None:
        """Take the next token from an answer."""
        self.tokens.append(json.loads(body)["refresh"])


def _registrations(site: Site) -> Iterator[bytes]:
    for number in itertools.count(1):
        address = f"new{number}-{os.getpid()}@example.com"
        body = {"email": address, "password": "so-long-that-nobody-guesses-it", "first_name": "New"}
        if site.name == "djoser":
            body = {"username": address, "email": address, "password": body["password"]}
        yield request("POST", site.paths["register"], headers=site.headers, body=json.dumps(body).encode())


def _registered(site: Site) -> int:
    return 202 if site.name == "keystone" else 201


WORKS = (
    Work("me", _get(lambda site: site.paths["me"]), connections=16, of="me", references=("djoser", "fastapi", "no-op")),
    Work("login", _sign_ins, of="login"),
    Work("refresh", _Refreshes, of="refresh", references=()),
    Work("register", _registrations, of="register", expected=_registered),
    Work("50 sign-ins at once", _sign_ins, of="login", at_once=50),
    Work("50 registrations at once", _registrations, of="register", expected=_registered, at_once=50),
    Work("list", _listed()),
    Work("list, deep", _get(lambda site: f"{site.paths['list']}?{site.deep}")),
    Work("search, nobody", _listed(search="qqqqq")),
    Work("search, few", _listed(search=RARE)),
    Work("search, many", _listed(search=COMMON)),
    Work("search, two words", _listed(search="anna%20" + COMMON)),
    Work("search, part of an address", _listed(search="person77")),
    Work("status", _listed(status="rejected"), references=()),
    Work("search, status", _listed(search=RARE, status="active"), references=()),
)

if __name__ == "__main__":
    sys.exit(main())
