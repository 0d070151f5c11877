"""Level of the other searches: both directions, exhaustive, narrowed, and with missing labels."""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from bench.validity import labels, runs, units
from bench.validity.record import Row
from bench.validity.study import Sizes, Study, Table, groups_of, percent, round_percent
from invert_core import ConceptSet, Settings
from invert_core.results.columns import Label

ZEROS = (0.0, 0.9, 0.98)
SEARCHES = {
    "both directions": {"direction": "both"},
    "negative direction": {"direction": "negative"},
    "exhaustive, L = 2": {"search": "exhaustive", "length": 2},
    "exhaustive, L = 3": {"search": "exhaustive", "length": 3},
    "beam of 20": {"beam": 20},
    "10 concepts from the second literal on": {"limit_search": 10},
    "a gain of .02 a literal": {"min_gain": 0.02},
    "10 % of the labels missing": {"min_defined": 0.2},
}
"""Settings of each search."""
_MISSING = "10 % of the labels missing"


def run(sizes: Sizes) -> Iterator[Row]:
    """Yield a row for each search and share of zeros, on the labels of the digits."""
    concepts = labels.digits().concepts
    for search, given in SEARCHES.items():
        for zeros in ZEROS:
            found = []
            for repeat in range(sizes.repeats):
                rng = np.random.default_rng((10, repeat, round(100 * zeros)))
                activations = units.noise((concepts.n_samples, sizes.units), zeros, rng)
                settings = Settings(
                    objective="auc", permutations=runs.PERMUTATIONS, seed=repeat, **given
                )
                known, kinds = concepts, {}
                if search == _MISSING:
                    known, kinds = _with_missing(concepts, rng), {"missing": "exclude"}
                found += _smallest(
                    runs.headlines(activations, known, settings, jobs=sizes.jobs, **kinds)
                )
            yield {
                "search": search,
                "zeros": zeros,
                **runs.calls_in_noise(found, sizes.repeats, runs.PERMUTATIONS),
            }


def _smallest(rows: list[Label]) -> list[Label]:
    """Return the row of each unit with the smallest p; there is one for each direction."""
    by_unit = itertools.groupby(rows, key=lambda row: row.unit)
    return [min(of_unit, key=lambda row: row.log10_p_search) for _, of_unit in by_unit]


def _with_missing(concepts: ConceptSet, rng: np.random.Generator) -> ConceptSet:
    marks = concepts.dense().astype(np.int8)
    marks[rng.random(marks.shape) < 0.1] = -1
    return ConceptSet.from_arrays(marks, concepts.id)


def summary(rows: Sequence[Row]) -> Table:
    """Return a line for each search."""
    header = ("search", *(f"{round_percent(zeros)} zeros" for zeros in ZEROS), "bound")
    lines = []
    for (search,), group in groups_of(rows, "search").items():
        cells = [percent(row["significant"]) for row in group]
        lines.append((search, *cells, percent(group[0]["bound"])))
    return header, lines


STUDY = Study("Is noise called significant by other searches?", run, summary, repeats=4, units=25)
