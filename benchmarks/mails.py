"""How fast mails are queued, and sent by one worker to a mail server on this machine.

    python benchmarks/mails.py [--mails 2000] [--rounds 3] [--server postgresql://…]

It makes a database, in a PostgreSQL of its own unless a server is named, and drops it. What is printed are medians over
the rounds, and the rate of sending beside that of the mail server alone.
"""

import argparse
import os
import smtplib
import statistics
import subprocess
import sys
import time
from email.message import EmailMessage
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.scratch import scratch_databases, set_up

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 300.0  # seconds


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure the outbox.")
    parser.add_argument("--mails", type=int, default=2_000, help="in each measurement (default: 2000)")
    parser.add_argument("--rounds", type=int, default=3, help="how often everything is measured (default: 3)")
    parser.add_argument("--server", default="", help="URL of a PostgreSQL on which databases may be made")
    options = parser.parse_args()
    with scratch_databases(options.server) as scratch:
        set_up(scratch)
        from django.db import connections

        from tests.mail.smtp_server import SmtpServer

        rates: dict[str, list[float]] = {}
        with SmtpServer.running() as sink:
            worker = _worker(sink.port)
            try:
                for number in range(options.rounds + 1):  # the first warms everything up, and does not count
                    for name, rate in _round(options.mails, sink.port).items():
                        rates.setdefault(name, []).extend([rate] if number else [])
                    sink.messages.clear()
                    print(f"round {number} of {options.rounds}", file=sys.stderr)
            finally:
                worker.terminate()
                worker.wait(PATIENCE)
        connections.close_all()
    medians = {name: statistics.median(found) for name, found in rates.items()}
    alone = medians["the mail server alone, one connection"]
    for name, rate in medians.items():
        print(f"{name:55}{rate:>10,.0f}/s   {rate / alone:.2f} of the mail server alone")
    return 0


def _round(mails: int, port: int) -> dict[str, float]:
    from procrastinate.contrib.django.models import ProcrastinateJob

    from keystone.mail.models import OutgoingMail
    from keystone.mail.outbox import Addressee, queue

    people = [Addressee(recipient=f"n{number}@example.com") for number in range(mails)]
    found = {"the mail server alone, one connection": _alone(mails, port)}
    for name, sends in (
        ("in one transaction", [people]),
        ("each in a transaction of its own", [[person] for person in people]),
    ):
        OutgoingMail.objects.all().delete()
        while ProcrastinateJob.objects.filter(status="todo").exists():  # wake-ups that find nothing left
            time.sleep(0.02)
        begun = time.perf_counter()
        for some in sends:
            queue("trial", some)
        queued = time.perf_counter()
        while OutgoingMail.objects.queued().exists():
            if time.perf_counter() - begun > PATIENCE:
                raise TimeoutError(name)
            time.sleep(0.02)
        found[f"queued {name}"] = mails / (queued - begun)
        found[f"queued and sent, {name}"] = mails / (time.perf_counter() - begun)
    return found


def _alone(mails: int, port: int) -> float:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.com", "b@example.com", "As many as it takes"
    message.set_content("Text " * 500)
    begun = time.perf_counter()
    with smtplib.SMTP("127.0.0.1", port) as connection:
        for _number in range(mails):
            connection.send_message(message)
    return mails / (time.perf_counter() - begun)


def _worker(port: int) -> subprocess.Popen[bytes]:
    from tests.faults.fleet import smtp

    return subprocess.Popen([sys.executable, "manage.py", "worker"], cwd=ROOT, env={**os.environ, **smtp(port)})


if __name__ == "__main__":
    sys.exit(main())
