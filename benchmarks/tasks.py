"""How fast tasks are enqueued, done and begun, beside plain Procrastinate in the same run.

    python benchmarks/tasks.py [--rounds 5] [--scale 1.0] [--concurrency 4] [--server postgresql://…]

It makes two databases, in a PostgreSQL of its own unless a server is named, and drops them. What is printed are
medians over the rounds; who goes first changes with each round. Exit code 1: something is below 0.8 of Procrastinate.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.scratch import scratch_databases, set_up

if TYPE_CHECKING:
    from benchmarks.contenders import Contender

LEAST = 0.8  # of Procrastinate
RATE, WAIT = "/s", "ms"
Figures = dict[tuple[str, str], float]


def main() -> int:
    """Measure, print and judge."""
    options = _options()
    with scratch_databases(options.server) as scratch, tempfile.TemporaryDirectory() as folder:
        set_up(scratch)
        from benchmarks.contenders import Keystone, Plain

        contenders: list[Contender] = [Keystone(scratch.keystone), Plain(scratch.plain)]
        kept: dict[str, list[Figures]] = {contender.name: [] for contender in contenders}
        for number in range(options.rounds + 1):  # the first warms everything up, and does not count
            for contender in contenders if number % 2 else reversed(contenders):
                figures = _measured(contender, options, Path(folder))
                if number:
                    kept[contender.name].append(figures)
            print(f"round {number} of {options.rounds}", file=sys.stderr)
        from django.db import connections

        connections.close_all()
    return _report(*kept.values(), options=options)


def _measured(contender: "Contender", options: argparse.Namespace, folder: Path) -> Figures:
    """One round of one queue."""

    def times(count: int) -> int:
        return max(int(count * options.scale), 10)

    figures: Figures = {
        ("enqueue, each in its own transaction", RATE): contender.singly(times(500)),
        ("enqueue, one by one in one transaction", RATE): contender.together(times(1_000)),
        ("enqueue, all in one statement", RATE): contender.at_once(times(5_000)),
    }
    with contender.workers(1, concurrency=options.concurrency):
        contender.run_all(times(200))
        waits = sorted(contender.wake_ups(times(100), folder / contender.name))
        figures["tasks done by 1 worker", RATE] = contender.run_all(times(2_000))
    with contender.workers(2, concurrency=options.concurrency):
        contender.run_all(times(200))
        figures["tasks done by 2 workers", RATE] = contender.run_all(times(2_000))
    figures["from enqueue to start, median", WAIT] = statistics.median(waits) * 1000
    figures["from enqueue to start, 95th percentile", WAIT] = waits[int(len(waits) * 0.95)] * 1000
    return figures


def _report(ours: list[Figures], plain: list[Figures], *, options: argparse.Namespace) -> int:
    """Print the medians, and how ours compare: above 1 is better than Procrastinate, of waits too."""
    lines = [f"{'':42}{'Keystone':>12}{'Procrastinate':>16}{'ratio':>8}"]
    is_enough = True
    for key in ours[0]:
        mine, theirs = (statistics.median(figures[key] for figures in rounds) for rounds in (ours, plain))
        ratio = mine / theirs if key[1] == RATE else theirs / mine
        is_enough = is_enough and ratio >= LEAST
        verdict = "" if ratio >= LEAST else f"  below {LEAST:g}"
        lines.append(f"{key[0]:42}{mine:>9,.1f} {key[1]:2}{theirs:>13,.1f} {key[1]:2}{ratio:>8.2f}{verdict}")
    about = (
        f"medians of {options.rounds} rounds; each worker runs {options.concurrency} at once; ratio: above 1 is faster"
    )
    print("\n".join([*lines, about]))
    return 0 if is_enough else 1


def _options() -> argparse.Namespace:
    def positive(text: str) -> int:
        number = int(text)
        if number < 1:
            raise argparse.ArgumentTypeError("must be at least 1")
        return number

    parser = argparse.ArgumentParser(description="Measure Keystone's tasks beside plain Procrastinate.")
    parser.add_argument("--rounds", type=positive, default=5, help="how often everything is measured (default: 5)")
    parser.add_argument("--scale", type=float, default=1.0, help="more or fewer tasks in each measurement (default: 1)")
    parser.add_argument("--concurrency", type=positive, default=4, help="tasks at once in a worker (default: 4)")
    parser.add_argument("--server", default="", help="URL of a PostgreSQL on which databases may be made")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
