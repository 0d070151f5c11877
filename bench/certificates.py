"""Certified optima of real units, next to what a beam search finds.

``python -m bench.certificates FOLDER`` takes a folder that holds sentence_embedding.npy
[n_samples, n_units], samples.csv (labels in the long form) and concepts.csv (their names).
"""

import time
from pathlib import Path

import click
import numpy as np

from bench import machine
from bench.tables import table
from invert_core import Settings, label, read_concepts

SETTINGS = {"objective": "auc", "length": 3, "min_fraction": 0.002, "max_fraction": 0.5}


@click.command(
    help="Certify the best formulas of the first units of FOLDER, which holds "
    "sentence_embedding.npy [n_samples, n_units], samples.csv and concepts.csv."
)
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--units", default=24, show_default=True, help="Number of units.")
def main(folder: Path, units: int) -> None:
    """Print a row per unit, and the number of units on which the beam search was optimal."""
    concepts = read_concepts(folder / "samples.csv", folder / "concepts.csv")
    activations = np.load(folder / "sentence_embedding.npy")
    searches = {way: Settings(search=way, **SETTINGS) for way in ("beam", "exhaustive")}
    label(activations, concepts, units=[0], settings=searches["exhaustive"])
    rows = []
    n_optimal = 0
    for unit in range(units):
        found = {}
        for way, settings in searches.items():
            start = time.process_time()
            labels = label(activations, concepts, units=[unit], settings=settings, jobs=1)
            found[way] = labels.rows[0], time.process_time() - start
        (beam, _), (best, seconds) = found["beam"], found["exhaustive"]
        certified = "yes" if best.gap == 0.0 else f"gap {best.gap}"
        n_optimal += beam.auc == best.auc
        rows.append(
            (
                str(unit),
                best.label.replace("|", r"\|"),
                f"{best.auc:.4f}",
                certified,
                f"{beam.auc:.4f}",
                f"{seconds * 1e3:.0f} ms",
            )
        )
    print(machine.here(), "", sep="\n")
    header = ("unit", "best formula of up to three literals", "AUC", "certified", "beam", "time")
    print(*table(header, rows), sep="\n")
    print(f"\nThe beam search was optimal in {n_optimal} of {units} units.")


if __name__ == "__main__":
    main()
