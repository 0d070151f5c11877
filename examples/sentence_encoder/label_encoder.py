"""Label the MLP neurons of a sentence encoder with WordNet's hypernyms, from nothing.

The script takes a Hugging Face model folder and WordNet's nouns. It exports the encoder to ONNX,
runs it over definitions, labels every neuron on one half of them, and tests the best labels on the
other half. Every neuron gets two labels: what its whole activation separates best, and what the
texts share to which it responds most, its peak.
"""

import argparse
import csv
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from definitions import PARTS, write_tables

from invert_core import (
    Labels,
    Settings,
    extract,
    label_files,
    open_activations,
    read_concepts,
    score,
)
from invert_core.commands.label_cells import shown
from invert_core.commands.label_summary import summary
from invert_core.commands.progress import progress
from invert_core.commands.tables import print_rows
from invert_core.concepts.hierarchy.wordnet import FOLDER, read_wordnet
from invert_core.data import Tokenize
from invert_core.errors import InvertError
from invert_core.files.atomic import storage_errors
from invert_core.labelling.overview import Overview
from invert_core.results.columns import VERDICTS, Label
from invert_core.settings import SIGNIFICANT

NEURONS = "encoder.layer.*.intermediate.intermediate_act_fn"
"""In BERT, the hidden units of the MLP of every block, after the activation function."""

MAX_LENGTH = 64
BATCH_SIZE = 64
TESTED = 100
"""Number of the best labels that are tested on the half that was not searched."""
WHOLE, PEAK = OBJECTIVES = ("auc", "phi")
COLUMNS = ("unit", "label", "auc", "held_out_auc", "p_search", "positive", "verdict")
PEAK_COLUMNS = ("unit", "label", "peak", "phi", "p_search", "positive", "verdict")


def export_model(folder: Path, model: Path) -> None:
    """Write the encoder as ONNX."""
    from encoder import export, load  # Imports torch and transformers, which no other stage needs.

    difference = export(load(folder), model)
    print(f"The outputs of {model.name} differ from PyTorch's by at most {difference:.1e}.")


def extract_part(
    model: Path, table: Path, tokenizer: Path, layers: Sequence[str], overwrite: bool
) -> Path:
    """Run the encoder over the texts of a table; each activation is the mean over the tokens."""
    output = table.with_suffix(".h5")
    with progress(f"Extracting {table.name}") as report:
        extract(
            model,
            table,
            output,
            layers,
            pool="mean",
            batch_size=BATCH_SIZE,
            text=Tokenize(tokenizer, max_length=MAX_LENGTH),
            column="text",
            overwrite=overwrite,
            progress=report,
        )
    return output


def label_neurons(activations: Path, table: Path, names: Path, run: Path) -> Labels:
    """Label every neuron; the table of the texts also holds their concepts."""
    with progress("Labelling") as report:
        return label_files(
            activations,
            table,
            run,
            names=names,
            settings=Settings(length=3, objective=OBJECTIVES),
            overwrite=True,
            progress=report,
        )


def tested_labels(labels: Labels, activations: Path, table: Path) -> Iterator[tuple[Label, float]]:
    """Yield the best labels, each with its AUC on samples that no search has seen."""
    concepts = read_concepts(table)
    with open_activations(activations) as unseen:
        for row in labels.best()[:TESTED]:
            tested = score(unseen, concepts, row.formula, layers=[row.layer], units=[row.unit])
            yield row, tested.rows[0].auc


def overview(labels: Labels, tested: Sequence[tuple[Label, float]]) -> str:
    """Return a summary of how good the labels are."""
    best = labels.best()
    auc = np.array([row.auc for row in best])
    significant = sum(row.q_value is not None and row.q_value < SIGNIFICANT for row in best)
    searched, held_out = np.mean([(row.auc, unseen) for row, unseen in tested], axis=0)
    return (
        f"The {len(tested)} best have a mean AUC of {searched:.3f} on the half that was searched "
        f"and {held_out:.3f} on the other. Half of all have one above {np.median(auc):.3f}, "
        f"{np.count_nonzero(auc > 0.95):,} one above 0.95, and {significant:,} of {auc.size:,} are "
        "significant."
    )


def headlines_by(labels: Labels, objective: str) -> dict[str, Label]:
    """Return the headlines by an objective, keyed by the address of the neuron."""
    return {row.address: row for row in labels if row.headline and row.objective == objective}


def peak_cells(of_whole: Label, peak: Label) -> dict[str, object]:
    """Return what a table says of the peak of a neuron beside its label."""
    return shown(peak) | {
        "label": of_whole.label,
        "peak": "the same" if peak.formula == of_whole.formula else peak.label,
        "phi": f"{peak.score:.3f}",
        "verdict": peak.verdict,
    }


def verdict_counts(rows: Iterable[Label]) -> str:
    """Return how many labels have each verdict.

    >>> verdict_counts([])
    ''
    """
    counts = Counter(row.verdict for row in rows)
    return ", ".join(f"{counts[verdict]:,} {verdict}" for verdict in VERDICTS if counts[verdict])


def strongest_texts(row: Label, activations: Path, table: Path, count: int = 3) -> list[str]:
    """Return the texts to which a neuron responds most."""
    with open_activations(activations) as searched:
        (values,) = searched.layers[row.layer].read(row.unit, row.unit + 1)
    with table.open(newline="", encoding="utf-8") as file:
        texts = [sample["text"] for sample in csv.DictReader(file)]
    return [texts[sample] for sample in np.argsort(-values)[:count]]


@contextmanager
def stage(what: str) -> Iterator[None]:
    """Print how long a stage took."""
    started = time.perf_counter()
    yield
    print(f"{what}: {time.perf_counter() - started:.0f} s", flush=True)


def run(arguments: argparse.Namespace) -> None:
    """Go through all stages; activations of an earlier call are not computed again."""
    folder: Path = arguments.output
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    model = folder / "model.onnx"
    with stage("export"):
        export_model(arguments.model, model)
    with stage("texts and concepts"):
        tables = write_tables(
            folder,
            read_wordnet(arguments.wordnet),
            n_samples=arguments.samples,
            min_count=arguments.min_count,
            seed=arguments.seed,
        )
    tokenizer = arguments.model / "tokenizer.json"
    activations = {}
    for part in PARTS:
        with stage(f"activations of {part}"):
            activations[part] = extract_part(
                model, tables[part], tokenizer, arguments.layer, arguments.overwrite
            )
    with stage("labels"):
        labels = label_neurons(
            activations["search"], tables["search"], tables["names"], folder / "run"
        )
    counts = summary(Overview.of(labels, top=0))
    print(f"{counts} labelled. The best, and how they do on the half not searched:")
    tested = list(tested_labels(labels, activations["held_out"], tables["held_out"]))
    rows = [
        shown(row) | {"held_out_auc": f"{auc:.4f}", "verdict": row.verdict}
        for row, auc in tested[: arguments.top]
    ]
    print_rows(rows, COLUMNS, "table")
    peaks = headlines_by(labels, PEAK)
    print("What the texts share to which these neurons respond most:")
    shared = [peak_cells(row, peaks[row.address]) for row, _ in tested[: arguments.top]]
    print_rows(shared, PEAK_COLUMNS, "table")
    for kind, of_kind in (("labels", headlines_by(labels, WHOLE)), ("peaks", peaks)):
        print(f"Verdicts of all {kind}: {verdict_counts(of_kind.values())}.")
    print(overview(labels, tested))
    best = tested[0][0]
    texts = strongest_texts(best, activations["search"], tables["search"])
    print(f"{best.address} responds most to: {'; '.join(texts)}.")


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, help="Hugging Face model folder")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for all results")
    parser.add_argument(
        "--wordnet", type=Path, default=FOLDER, help="folder with WordNet's data.noun"
    )
    parser.add_argument("--samples", type=int, help="definitions in both halves (default: all)")
    parser.add_argument("--min-count", type=int, default=50, help="samples of a concept in a half")
    parser.add_argument("--seed", type=int, default=0, help="of the draw and of the halves")
    parser.add_argument("--top", type=int, default=10, help="neurons to print")
    parser.add_argument(
        "-l", "--layer", action="append", help=f"layer or pattern (default: {NEURONS})"
    )
    parser.add_argument("--overwrite", action="store_true", help="give up activations of old texts")
    arguments = parser.parse_args()
    if min(arguments.seed, arguments.top) < 0:
        parser.error("--seed and --top have to be 0 or more")
    arguments.layer = arguments.layer or [NEURONS]
    try:
        run(arguments)
    except InvertError as error:
        sys.exit(f"Error: {error}")
    except ModuleNotFoundError as error:
        what = f"{error.name} is not installed." if error.name else str(error)
        sys.exit(f"Error: {what} README.md says what this needs.")


if __name__ == "__main__":
    main()
