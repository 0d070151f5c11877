"""Compare random small cases: ``python -m tests.oracle --cases 1000 --seed 1 --kind beam``."""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Sequence
from tempfile import TemporaryDirectory

from tests.oracle.cases import KINDS, case
from tests.oracle.compare import Differs, compare


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.oracle", description=__doc__)
    parser.add_argument("--cases", type=int, default=1000, help="number of cases of each kind")
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", choices=KINDS, action="append", help="only this kind; repeatable")
    parser.add_argument(
        "--only", type=int, metavar="N", help="compare only the case of this number"
    )
    given = parser.parse_args()
    numbers = range(given.first, given.first + given.cases)
    if given.only is not None:
        numbers = range(given.only, given.only + 1)
    with TemporaryDirectory() as folder:
        # Null distributions of small cases are not to drive out those that the user needs.
        os.environ |= {"XDG_CACHE_HOME": folder, "LOCALAPPDATA": folder}
        return 1 if _compare_all(given.kind or KINDS, given.seed, numbers) else 0


def _compare_all(kinds: Sequence[str], seed: int, numbers: range) -> int:
    """Print a table of how the cases end; return how many differ."""
    n_wrong = 0
    print(
        "| search | cases | labelled alike | refused by both | different |\n| - | - | - | - | - |"
    )
    for kind in kinds:
        ends: Counter[str] = Counter()
        for number in numbers:
            try:
                ends[compare(case(kind, seed, number))] += 1
            except Exception as error:
                ends["different"] += 1
                told = str(error) if isinstance(error, Differs) else repr(error)
                again = f"--kind {kind} --seed {seed} --only {number}"
                print(f"{told}\n  python -m tests.oracle {again}", file=sys.stderr)
        counts = [f"{n:,}" for n in (ends["labelled"], ends["refused"], ends["different"])]
        print(f"| {kind} | {len(numbers):,} | {' | '.join(counts)} |", flush=True)
        n_wrong += ends["different"]
    return n_wrong


if __name__ == "__main__":
    sys.exit(main())
