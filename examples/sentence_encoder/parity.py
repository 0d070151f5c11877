"""Compare the encoder in PyTorch with the same encoder in ONNX Runtime.

The script needs files that `label_encoder.py` writes: `model.onnx`, `search.csv` and `names.csv`.
"""

import argparse
import csv
import itertools
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from label_encoder import MAX_LENGTH

from invert_core import (
    Activations,
    ConceptSet,
    Settings,
    extract,
    label,
    open_activations,
    read_concepts,
    score,
)
from invert_core.commands.tables import print_rows
from invert_core.data import Tokenize
from invert_core.errors import InvertError
from invert_core.files.input_file import check_file
from invert_core.results.columns import Label

BLOCKS = range(6)
LAYERS = {
    "embeddings.LayerNorm": "embeddings.LayerNorm",
    **{
        f"encoder.layer.{block}.attention.self": f"encoder.layer.{block}.attention.self[0]"
        for block in BLOCKS
    },
    **{
        name: name
        for block in BLOCKS
        for name in (
            f"encoder.layer.{block}.intermediate.intermediate_act_fn",
            f"encoder.layer.{block}.output.LayerNorm",
        )
    },
}
"""Layers to compare: names in ONNX, and names in PyTorch, whose attention returns a tuple."""

COLUMNS = ("layer", "units", "difference", "labels_that_differ", "loss")


@dataclass(frozen=True)
class Comparison:
    """One layer in both forms.

    `difference` is the largest difference between two activations, relative to the root mean square
    of the layer. `labels_that_differ` counts the units whose labels differ. `loss` is the most AUC
    that PyTorch's label of such a unit loses on the activations of the ONNX form, compared with the
    label found there.
    """

    layer: str
    units: int
    difference: float
    labels_that_differ: int
    loss: float


def compare(first: Path, second: Path, concepts: ConceptSet) -> Iterator[Comparison]:
    """Compare the activations of the ONNX form with those of PyTorch, layer by layer."""
    with open_activations(first) as ours, open_activations(second) as theirs:
        for name, other in LAYERS.items():
            layer = ours.layers[name]
            values, others = (
                np.asarray(each.read(0, each.n_units)) for each in (layer, theirs.layers[other])
            )
            scale = np.sqrt(np.mean(values.astype(np.float64) ** 2))
            labels = best_labels(ours, name, concepts)
            pairs = zip(labels, best_labels(theirs, other, concepts), strict=True)
            losses = [
                mine.auc
                - score(ours, concepts, their.formula, layers=[name], units=[mine.unit]).rows[0].auc
                for mine, their in pairs
                if mine.formula != their.formula
            ]
            yield Comparison(
                layer=name,
                units=layer.n_units,
                difference=float(np.abs(values - others).max() / scale),
                labels_that_differ=len(losses),
                loss=max(losses, default=0.0),
            )


def best_labels(activations: Activations, layer: str, concepts: ConceptSet) -> list[Label]:
    """Return the formula with the largest AUC for every unit of a layer, in the order of units."""
    labels = label(
        activations, concepts, layers=[layer], settings=Settings(length=3, objective="auc")
    )
    return [row for row in labels if row.rank == 1]


def write_first(table: Path, n_samples: int, output: Path) -> Path:
    """Write the first samples of a table to a new table."""
    check_file(table, "Name the folder that label_encoder.py has written.")
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(itertools.islice(csv.reader(file), n_samples + 1))
    with output.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    return output


def run(arguments: argparse.Namespace) -> None:
    """Extract with both forms, compare them, and print the result."""
    from encoder import load  # torch and transformers

    folder: Path = arguments.results
    table = write_first(folder / "search.csv", arguments.samples, folder / "parity.csv")
    forms = {
        "onnx": (folder / "model.onnx", list(LAYERS)),
        "torch": (load(arguments.model), list(LAYERS.values())),
    }
    for name, (model, layers) in forms.items():
        done = extract(
            model,
            table,
            folder / f"parity-{name}.h5",
            layers,
            pool="mean",
            device=arguments.device,
            text=Tokenize(arguments.model / "tokenizer.json", max_length=MAX_LENGTH),
            column="text",
            overwrite=True,
        )
        print(f"{name}: {done.n_samples / done.seconds:,.0f} texts per second on {done.device}")
    concepts = read_concepts(table, folder / "names.csv")
    found = compare(folder / "parity-onnx.h5", folder / "parity-torch.h5", concepts)
    print_rows([vars(each) for each in found], COLUMNS, "table")


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, help="Hugging Face model folder")
    parser.add_argument("results", type=Path, help="folder that label_encoder.py has written")
    parser.add_argument("--samples", type=int, default=2000, help="texts to compare on")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="for both")
    arguments = parser.parse_args()
    if arguments.samples < 2:
        parser.error("--samples has to be 2 or more")
    try:
        run(arguments)
    except InvertError as error:
        sys.exit(f"Error: {error}")
    except ModuleNotFoundError as error:
        what = f"{error.name} is not installed." if error.name else str(error)
        sys.exit(f"Error: {what} README.md says what this needs.")


if __name__ == "__main__":
    main()
