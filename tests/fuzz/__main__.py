"""Damage inputs of a format: ``python -m tests.fuzz FORMAT --cases N --seed S``."""

import argparse
import sys
from collections import Counter
from pathlib import Path

from tests.fuzz.cases import ENDS, Fuzzer
from tests.fuzz.formats import all_formats


def main() -> int:
    formats = all_formats()
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("format", nargs="+", choices=[*formats, "own", "others", "all"])
    parser.add_argument("--cases", type=int, default=300, help="number of cases of each format")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, metavar="N", help="run only the case of this number")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="write damaged files here")
    given = parser.parse_args()
    numbers = range(given.cases) if given.only is None else [given.only]
    n_findings = 0
    print("| format | cases | " + " | ".join(ENDS) + " | faults |")
    print("| - " * (len(ENDS) + 3) + "|", flush=True)
    for name in _chosen(given.format, formats):
        counts: Counter[str] = Counter()
        n_faults = 0
        with Fuzzer(name, formats[name], given.seed) as fuzzer:
            for end in fuzzer.ends(numbers):
                counts[end.kind] += 1
                n_faults += end.is_finding
                if given.keep:
                    _keep(given.keep, fuzzer, end.number)
                if end.is_finding or given.only is not None:
                    again = f"python -m tests.fuzz {name} --seed {given.seed} --only {end.number}"
                    print(f"{end.kind}: {end.target}: {end.detail}\n  {again}", file=sys.stderr)
        cells = [f"{counts[kind]:,}" for kind in ENDS]
        print(
            f"| {name} | {sum(counts.values()):,} | {' | '.join(cells)} | {n_faults:,} |",
            flush=True,
        )
        n_findings += n_faults
    return 1 if n_findings else 0


def _chosen(given: list[str], formats: dict) -> list[str]:
    from tests.fuzz.own import FORMATS as OWN

    groups = {
        "own": list(OWN),
        "others": [name for name in formats if name not in OWN],
        "all": list(formats),
    }
    return list(dict.fromkeys(name for each in given for name in groups.get(each, [each])))


def _keep(folder: Path, fuzzer: Fuzzer, number: int) -> None:
    target, content, _ = fuzzer.mutated(number)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{number}-{Path(target).name}").write_bytes(content)


if __name__ == "__main__":
    sys.exit(main())
