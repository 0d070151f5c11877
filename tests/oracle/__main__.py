"""Compare random small cases: ``python -m tests.oracle --cases 1000 --seed 1 --kind beam``."""

import argparse
import sys
from collections import Counter

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
    n_wrong = 0
    print(
        "| search | cases | labelled alike | refused by both | different |\n| - | - | - | - | - |"
    )
    for kind in given.kind or KINDS:
        ends: Counter[str] = Counter()
        for number in numbers:
            try:
                ends[compare(case(kind, given.seed, number))] += 1
            except Exception as error:
                ends["different"] += 1
                told = str(error) if isinstance(error, Differs) else repr(error)
                again = f"--kind {kind} --seed {given.seed} --only {number}"
                print(f"{told}\n  python -m tests.oracle {again}", file=sys.stderr)
        counts = [f"{n:,}" for n in (ends["labelled"], ends["refused"], ends["different"])]
        print(f"| {kind} | {len(numbers):,} | {' | '.join(counts)} |", flush=True)
        n_wrong += ends["different"]
    return 1 if n_wrong else 0


if __name__ == "__main__":
    sys.exit(main())
