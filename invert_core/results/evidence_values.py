"""Checks that the numbers in evidence.h5 are possible, where readers rely on it."""

from collections.abc import Iterator, Mapping

import numpy as np

from invert_core.results.evidence_records import (
    ALIKE,
    FILLED,
    N_NEAR,
    N_TOP,
    NO_SAMPLE,
    NO_UNIT,
    ROWS,
    SAMPLES,
    UNITS,
)
from invert_core.results.held_out_evidence import HELD_OUT, HELD_OUT_CUTS

_EXACT = 10
"""Hits are counted among 1 to so many samples, and at powers of it."""
_ALIKE = f"{ALIKE}/unit"
_OF_UNITS = {"top": N_TOP, "middle": N_NEAR}
"""How many samples the lists of a unit name if there are so many."""

Found = Iterator[tuple[str, bool | np.bool_]]
"""Sentences, and whether they are true."""


def impossible_values(fields: Mapping[str, np.ndarray], n_samples: int) -> Found:
    """Yield sentences on impossible numbers, and whether they are true.

    Parameters
    ----------
    fields : mapping of str to array
        The lists, by name, and the fields of the records, as ``group/field``; their lengths fit
        together, and what points at something points at what is there.
    n_samples : int
        Number of samples that were searched.
    """
    yield from _hits(fields)
    yield from _lists(fields, n_samples)
    yield from _shared(fields)
    ends, r = fields[f"{UNITS}/range"], fields[f"{ALIKE}/correlation"]
    yield f"/{UNITS}/range has no ends", not (ends[:, 0] <= ends[:, 1]).all()
    is_alike = fields[_ALIKE] != NO_UNIT
    yield f"/{ALIKE}/correlation is not between -1 and 1", not (np.abs(r[is_alike]) <= 1).all()


def _hits(fields: Mapping[str, np.ndarray]) -> Found:
    for name, group in (("cuts", ROWS), (HELD_OUT_CUTS, HELD_OUT)):
        cuts = fields.get(name)
        if cuts is None:
            continue
        last = int(cuts[-1])
        powers = [_EXACT**power for power in range(2, len(str(last)))]
        missing = np.setdiff1d([*range(1, min(_EXACT, last) + 1), *powers], cuts)
        yield f"/{name} lacks {missing[:1].sum():,}", missing.size > 0
        hits = fields[f"{group}/hits"]
        are_possible = (hits >= 0) & (hits <= cuts.astype(hits.dtype))
        yield f"/{group}/hits are not between 0 and /{name}", not are_possible.all()


def _lists(fields: Mapping[str, np.ndarray], n_samples: int) -> Found:
    """Lists begin with what they name, and all samples in them have values."""
    for name in (*FILLED, _ALIKE):
        is_there = fields.get(name, np.empty((0, 1), np.uint32)) != NO_UNIT
        yield f"/{name} has gaps", (is_there[:, 1:] > is_there[:, :-1]).any()
    for name, most in _OF_UNITS.items():
        n_named = (fields[f"{UNITS}/{name}"] != NO_SAMPLE).sum(axis=1)
        wanted = min(most, n_samples)
        yield f"/{UNITS}/{name} does not name {wanted} samples", (n_named != wanted).any()
    for group, names in SAMPLES.items():
        for name in names:
            values = fields[f"{group}/{name}_value"][fields[f"{group}/{name}"] != NO_SAMPLE]
            yield f"/{group}/{name}_value is not a number", np.isnan(values).any()


def _shared(fields: Mapping[str, np.ndarray]) -> Found:
    share, hits = fields[f"{UNITS}/share"], fields[f"{UNITS}/share_hits"]
    is_there = share != NO_UNIT
    positive = fields["concept_positive"][share[is_there]]
    counts = f"/{UNITS}/share_hits"
    yield f"{counts} does not fit /{UNITS}/share", ((hits > 0) != is_there).any()
    yield f"{counts} is above {N_TOP}", (hits > N_TOP).any()
    yield f"{counts} is above /concept_positive", (hits[is_there] > positive).any()
