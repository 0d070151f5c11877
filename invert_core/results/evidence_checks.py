"""Checks that the parts of evidence.h5, which may come from anywhere, fit together."""

import itertools
from collections.abc import Iterator, Mapping

import h5py
import numpy as np

from invert_core.errors import FileFormatError
from invert_core.results.evidence_records import (
    ALIKE,
    CONCEPTS,
    FILLED,
    INDICES,
    NO_SAMPLE,
    NO_UNIT,
    ROWS,
    UNITS,
)
from invert_core.results.evidence_values import Found, impossible_values
from invert_core.results.held_out_evidence import HELD_OUT, HELD_OUT_CUTS

AGAIN = "Label again with: invert label ACTIVATIONS CONCEPTS -o RUN"

DIRECTIONS = ("positive", "negative")
"""The directions, in the order of their numbers in the file."""

_ASCENDING = ("cuts", HELD_OUT_CUTS, "compared", "shown_row")
_LENGTHS = {
    "n_units": "layer",
    "concept_positive": "concept",
    "concept_defined": "concept",
    CONCEPTS: "unit",
    UNITS: "record",
    ALIKE: "record",
    ROWS: "row",
    HELD_OUT: "row",
}
"""Of what each list, and each field of a group, has one entry."""

Fields = dict[str, np.ndarray]
"""The records of a group: an array of each field."""


def contradiction(file: h5py.File, wrong: str) -> FileFormatError:
    """Return the error that says what is wrong."""
    return FileFormatError(f"{file.filename!r} contradicts itself: {wrong}.", AGAIN)


def contradictions(
    fields: Fields, names: Mapping[str, tuple[str, ...]], n_samples: int
) -> Iterator[str]:
    """Yield what is wrong with a file, as ends of sentences; each check relies on those before it.

    Parameters
    ----------
    fields : dict of str to array
        The lists, by name, and the fields of the records, as ``group/field``.
    names : mapping of str to tuple of str
        The lists of text, by name.
    n_samples : int
        Number of samples that were searched.
    """
    n_units = fields["n_units"].sum(dtype=np.int64)
    n_ways = max(1, np.unique(fields[f"{UNITS}/direction"]).size)
    lengths = {name: len(of_name) for name, of_name in names.items()}
    lengths |= {"unit": n_units, "record": n_units * n_ways, "row": len(fields[f"{ROWS}/record"])}
    for name, values in fields.items():
        of = _LENGTHS.get(name.split("/")[0])
        if of and len(values) != lengths[of]:
            yield f"/{name} has {len(values):,} entries, not one for each {of}"
    for name, strange in _strangers(fields, lengths):
        if strange.size:
            yield f"/{name} holds {strange[0]:,}, which stands for nothing"
    for name in _ASCENDING:
        values = fields.get(name, np.empty(0))
        if (values[1:] <= values[:-1]).any():
            yield f"/{name} does not ascend"
    numbers = (_wrong_numbers(fields, n_samples, n_ways), impossible_values(fields, n_samples))
    yield from (wrong for wrong, is_so in itertools.chain(*numbers) if is_so)


def _strangers(fields: Fields, lengths: Mapping[str, int]) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the name of each field that points at something, and all in it that points nowhere."""
    sizes = {**lengths, "direction": len(DIRECTIONS), "truth": 3}
    known = {name: np.arange(size) for name, size in sizes.items()}
    known["sample"] = fields["shown_row"]
    for name, what in INDICES.items():
        yield name, fields[name][~np.isin(fields[name], known[what])]
    for name, what in FILLED.items():
        listed = fields.get(name, np.empty(0, np.uint32))
        listed = listed[listed != NO_UNIT]
        yield name, listed[~np.isin(listed, known[what])]
    # Units alike are of the same layer.
    of_layer = fields[f"{UNITS}/layer"].astype(np.uint64) << np.uint64(32)
    alike = fields[f"{ALIKE}/unit"]
    is_there = np.isin(of_layer[:, None] | alike, of_layer | fields[f"{UNITS}/unit"])
    yield f"{ALIKE}/unit", alike[~is_there & (alike != NO_UNIT)]


def _wrong_numbers(fields: Fields, n_samples: int, n_ways: int) -> Found:
    """Yield sentences on numbers, and whether they are true."""
    n_units, layer = fields["n_units"], fields[f"{UNITS}/layer"]
    in_layers = np.bincount(layer, minlength=n_units.size)
    yield "/n_units is not how many units there are", (in_layers != n_ways * n_units).any()
    for name in ("layer", "unit"):
        of_units = fields[f"{UNITS}/{name}"].reshape(-1, n_ways)
        yield f"/{UNITS}/{name} changes within a unit", (of_units != of_units[:, :1]).any()
    ways = fields[f"{UNITS}/direction"].reshape(-1, n_ways)
    yield f"/{UNITS}/direction is not the same for all units", (ways != np.unique(ways)).any()
    cuts, held_out_cuts = fields["cuts"], fields.get(HELD_OUT_CUTS, fields["cuts"])
    yield "/cuts does not end with the number of samples", cuts[-1:].tolist() != [n_samples]
    yield f"/{HELD_OUT_CUTS} is empty", not held_out_cuts.size
    yield "hits are counted among no samples", 0 in (cuts[0], held_out_cuts[0])
    # All of these samples were searched.
    named = np.union1d(fields["compared"], fields["shown_row"])
    yield "it names a sample that cannot be", NO_SAMPLE in named
    yield "it names more samples than were searched", named.size > n_samples
    positive, defined = fields["concept_positive"], fields["concept_defined"]
    yield "/concept_positive is above /concept_defined", (positive > defined).any()
    yield "/concept_defined is above the number of samples", (defined > n_samples).any()
