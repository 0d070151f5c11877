"""Kill work at random: ``python -m tests.kills --kills 100 --seed S``."""

import argparse
import sys
from collections import Counter

from tests.kills.jobs import JOBS
from tests.kills.killing import Victim


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="number of kills of all work")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--job", choices=JOBS, action="append", help="only this work; repeatable")
    given = parser.parse_args()
    names = given.job or list(JOBS)
    print("| work | kills | in a step | with work kept | resumed to the same bytes | otherwise |")
    print("| - | - | - | - | - | - |", flush=True)
    total: Counter[str] = Counter()
    for place, name in enumerate(names):
        wanted = given.kills // len(names) + (place < given.kills % len(names))
        with Victim(name, JOBS[name], given.seed) as victim:
            counts = victim.kill(wanted)
        total += counts
        _print(name, counts)
    _print("all", total)
    return 1 if total["wrong"] else 0


def _print(name: str, counts: Counter[str]) -> None:
    cells = [counts[key] for key in ("kills", "in a step", "kept", "same", "wrong")]
    print(f"| {name} | {' | '.join(map(str, cells))} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
