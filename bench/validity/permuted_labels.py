"""The paper's check: the demo's units, and the same with the labels of all samples permuted."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from bench import structures
from bench.validity import runs
from bench.validity.bounds import bound
from bench.validity.record import Row
from bench.validity.study import Sizes, Study, Table, percent
from invert_core import ConceptSet, label
from invert_core.demo import SETTINGS
from invert_core.results.labels import Labels


def run(sizes: Sizes) -> Iterator[Row]:
    """Yield a row for the labels as they are, and one for `repeats` permutations of them."""
    with TemporaryDirectory() as folder:
        data = structures.digits(Path(folder) / "run")
    activations = data.activations[:, : sizes.units]
    settings = replace(SETTINGS, objective="auc", permutations=runs.PERMUTATIONS)
    yield _row("real", [label(activations, data.concepts, settings=settings, jobs=sizes.jobs)])
    permuted = []
    for repeat in range(sizes.repeats):
        rng = np.random.default_rng((5, repeat))
        shuffled = ConceptSet.from_arrays(
            data.labels[rng.permutation(len(data.labels))], data.concepts.id
        )
        of_run = replace(settings, seed=repeat)
        permuted.append(label(activations, shuffled, settings=of_run, jobs=sizes.jobs))
    yield _row("permuted", permuted)


def _row(which: str, found: list[Labels]) -> Row:
    rows = [row for of_run in found for row in of_run]
    headlines = [row for row in rows if row.headline]
    first = [row for row in rows if row.rank == 1]
    return {
        "labels": which,
        "units": len(headlines),
        "median_auc": float(np.median([row.auc for row in headlines])),
        "nominal_of_first": runs.share([row.p_value < runs.SIGNIFICANT for row in first]),
        "nominal": runs.share([row.p_value < runs.SIGNIFICANT for row in headlines]),
        "after_search": runs.share([row.p_search < runs.SIGNIFICANT for row in headlines]),
        "bound": bound(len(headlines) // len(found), len(found), runs.PERMUTATIONS),
    }


def summary(rows: Sequence[Row]) -> Table:
    """Return a line for each row."""
    header = (
        "labels", "median AUC", "rank 1: p value < .05", "p value < .05", "p search < .05", "bound",
    )  # fmt: skip
    lines = [
        (
            row["labels"],
            f"{row['median_auc']:.3f}",
            percent(row["nominal_of_first"]),
            percent(row["nominal"]),
            percent(row["after_search"]),
            percent(row["bound"]) if row["labels"] == "permuted" else "",
        )
        for row in rows
    ]
    return header, lines


STUDY = Study(
    "What do the p-values say of labels that are permuted?", run, summary, repeats=60, units=30
)
