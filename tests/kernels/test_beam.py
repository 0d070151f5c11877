import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_core.kernels import beam, formulas
from tests.kernels.parts import from_python

pytestmark = pytest.mark.kernels

insert = from_python(beam.insert)
enters = from_python(beam.enters)
copy = from_python(beam.copy)
last_score = from_python(beam.last_score)
LENGTH = 2


@st.composite
def offered(draw):
    """A formula with its score and extent; both depend on few numbers, so that they repeat."""
    extent = draw(st.integers(1, 6))
    literals = draw(st.lists(st.integers(0, 3), min_size=1, max_size=LENGTH))
    score = (extent * 7 % 4) / 4
    return score, tuple(literals), extent


def code_of(literals, extent):
    code = np.zeros(formulas.width_of(LENGTH), np.int64)
    code[formulas.LENGTH] = len(literals)
    # Two extents have one size and one rank sum, so that their words decide.
    code[formulas.N_POSITIVE] = code[formulas.RANK_SUM] = extent // 2
    code[formulas.LITERALS : formulas.LITERALS + len(literals)] = literals
    return code


def kept(found):
    """The formulas of a beam, best first."""
    return [
        (
            float(found.scores[slot]),
            tuple(found.codes[slot, formulas.LITERALS :][: found.codes[slot, formulas.LENGTH]]),
            int(found.words[slot, 0]),
        )
        for slot in found.order[: found.size[0]]
    ]


def order(entry):
    score, literals, _ = entry
    return (-score, len(literals), literals)


@given(st.lists(offered(), max_size=30), st.integers(1, 4))
def test_a_beam_holds_the_best_formulas_with_distinct_extents_in_order(entries, capacity):
    found = beam.no_formulas(capacity, LENGTH, 1)
    for score, literals, extent in entries:
        code = code_of(literals, extent)
        if enters(found, code, score):
            insert(found, code, score, np.array([extent], np.uint64))
    best = {}
    for entry in sorted(entries, key=order):
        best.setdefault(entry[2], entry)
    expected = sorted(best.values(), key=order)[:capacity]
    assert kept(found) == expected
    assert sorted(found.order) == list(range(capacity))
    full = len(expected) == capacity
    assert last_score(found) == (expected[-1][0] if full else -np.inf)
    other = beam.no_formulas(capacity, LENGTH, 1)
    copy(found, other)
    assert kept(other) == expected
    assert sorted(other.order) == list(range(capacity))
