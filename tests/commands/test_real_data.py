"""The embedding of 20,000 texts against 648 concepts of WordNet: in full, in bounded memory."""

import csv
import json
import subprocess
import sys

from tests.command_line import COMMAND, process
from tests.wordnet import WORDNET, needs_wordnet

MEASURE = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""


@needs_wordnet
def test_384_units_are_labelled_with_648_concepts_in_less_than_one_and_a_half_gigabytes(tmp_path):
    label = ("label", WORDNET / "sentence_embedding.npy", WORDNET / "samples.csv")
    label += ("--names", WORDNET / "concepts.csv", "-o", tmp_path / "run", "-q", "--top", 0)
    label += ("--length", 3, "--beam", 3, "--min-fraction", 0.002)
    # A small process starts the command: the peak of a child includes what its parent held.
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *COMMAND, *map(str, label)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with (tmp_path / "run" / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {int(row["unit"]) for row in rows} == set(range(384))
    assert {row["n_samples"] for row in rows} == {"20000"}
    concepts = json.loads(
        process("concepts", "show", WORDNET / "samples.csv", "--format", "json").stdout
    )
    assert len(concepts) == 648
    peak = int(done.stdout.splitlines()[-1]) * (1 if sys.platform == "darwin" else 1024)
    assert peak < 1.5e9
