"""Find the units of EfficientNet-Lite0 that detect Chinese characters drawn on photographs.

The script writes the images and their concepts, runs the network over them, and probes its units.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from photographs import BUNDLES, photographs
from probing_set import FONT, HALVES, QUESTIONS, SCRIPTS, SIDE, open_font, write_probing_set

from invert_core import Activations, Preprocess, extract, open_activations, probe, read_concepts
from invert_core.commands.probe import SHOWN, shown, summary
from invert_core.commands.progress import progress
from invert_core.commands.tables import print_rows
from invert_core.errors import InvertError
from invert_core.models.backend import ModelInput
from invert_core.wording import counted

NETWORK = f"torch:{Path(__file__).with_name('lite0.py')}:lite0"
LAYERS = ("_blocks.2", "_blocks.4", "_blocks.7", "_blocks.10", "_blocks.15", "_avg_pooling", "_fc")
"""The outputs of some blocks, the penultimate layer, and the logits."""
CARTON = 478
"""Index of ImageNet's class carton, which is known for Chinese watermarks."""
INPUT = ModelInput("inputs", (None, 3, SIDE, SIDE), np.dtype(np.float32))
PIXELS = Preprocess(mean=(127 / 255,), std=(128 / 255,))
"""The preprocessing of the network's training: values from -1 to 1."""


def extract_units(images: Path, output: Path, overwrite: bool) -> None:
    """Run the network over the images; each activation is the mean over places."""
    with progress("Extracting") as report:
        extract(
            NETWORK,
            images,
            output,
            LAYERS,
            pool="mean",
            model_options={"inputs": [INPUT]},
            preprocess=PIXELS,
            overwrite=overwrite,
            progress=report,
        )


def print_probes(activations: Path, table: Path, top: int) -> None:
    """Print the best units for each question, and the result of random halves."""
    concepts = read_concepts(table, missing="exclude")
    with open_activations(activations) as units:
        for question in QUESTIONS:
            found = probe(units, concepts, question, missing="exclude")
            print(summary(found))
            print_rows([shown(row) for row in found.rows[:top]], SHOWN, "table")
            for layer in LAYERS:
                rows = [row for row in found if row.layer == layer]
                significant = sum(row.is_significant for row in rows)
                farthest = f"AUC farthest from 0.5: {rows[0].auc:.3f}"
                print(f"{layer}: {significant} of {len(rows):,} units are significant, {farthest}")
        for kind, rank in median_ranks(units).items():
            print(f"median rank of carton among the logits, images in {kind}/: {rank:.0f}")
        halves = [probe(units, concepts, half, missing="exclude") for half in HALVES]
    significant = [half.n_significant for half in halves]
    smallest = min(row.p_units for half in halves for row in half)
    print(
        f"{len(halves)} random halves of the photographs: "
        f"{counted(sum(significant), 'significant unit')} in "
        f"{sum(count > 0 for count in significant)} of them; "
        f"the smallest p_units is {smallest:.2g}."
    )


def median_ranks(units: Activations) -> dict[str, float]:
    """Return the median rank of carton's logit, 1 being the highest, for each folder of images."""
    layer = units.layers[LAYERS[-1]]
    logits = np.asarray(layer.read(0, layer.n_units))
    rank = 1 + np.count_nonzero(logits > logits[CARTON], axis=0)
    kind = np.array([id.partition("/")[0] for id in units.sample_id or ()])
    return {name: float(np.median(rank[kind == name])) for name in ("original", *SCRIPTS)}


@contextmanager
def stage(what: str) -> Iterator[None]:
    """Print how long a stage took."""
    started = time.perf_counter()
    yield
    print(f"{what}: {time.perf_counter() - started:.0f} s", flush=True)


def run(arguments: argparse.Namespace) -> None:
    """Go through all stages."""
    folder: Path = arguments.output
    with stage("images"):
        font = open_font(arguments.font)
        count = write_probing_set(folder, photographs(arguments.photographs), font, arguments.seed)
    print(f"{count} photographs, and two copies of each.")
    with stage("activations"):
        extract_units(folder / "images", folder / "lite0.h5", arguments.overwrite)
    with stage("probes"):
        print_probes(folder / "lite0.h5", folder / "concepts.csv", arguments.top)


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for all results")
    parser.add_argument(
        "--photographs", type=Path, default=BUNDLES, help="folder of GCompris's .rcc files"
    )
    parser.add_argument("--font", type=Path, default=FONT, help="font with Chinese characters")
    parser.add_argument("--seed", type=int, default=0, help="of characters, places and halves")
    parser.add_argument("--top", type=int, default=10, help="units to print")
    parser.add_argument("--overwrite", action="store_true", help="give up old activations")
    arguments = parser.parse_args()
    if min(arguments.seed, arguments.top) < 0:
        parser.error("--seed and --top have to be 0 or more")
    try:
        run(arguments)
    except InvertError as error:
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    main()
