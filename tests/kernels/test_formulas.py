import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_core.kernels import bits, formulas
from tests import naive

pytestmark = [
    pytest.mark.kernels,
    pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning"),
]

CODES = {"&": formulas.AND, "|": formulas.OR}


def built(literals, connectives, room=None):
    """The formula as the search builds it, one literal after another."""
    room = room or len(literals)
    made = formulas.no_formulas(1, room)
    made.codes[0, formulas.LITERALS] = literals[0]
    made.codes[0, formulas.LENGTH] = 1
    for literal, connective in zip(literals[1:], connectives, strict=True):
        longer = formulas.no_formulas(1, room)
        formulas.join(made, 0, literal, CODES[connective], longer)
        made = longer
    return made


def joined(before, packed, literal, connective, whole):
    words = np.empty_like(before)
    formulas.write_extent(formulas.Extent(before, literal, connective), packed, whole, words)
    return words


@st.composite
def written(draw, max_length=5):
    length = draw(st.integers(1, max_length))
    literals = draw(st.lists(st.integers(0, 7), min_size=length, max_size=length))
    connectives = draw(st.lists(st.sampled_from("&|"), min_size=length - 1, max_size=length - 1))
    return tuple(literals), tuple(connectives)


@given(written())
def test_joining_literals_one_by_one_gives_the_normal_form(formula):
    literals, connectives = formula
    made = built(literals, connectives)
    length = len(literals)
    code = made.codes[0].tolist()
    parts = code[formulas.LITERALS :]
    assert tuple(parts[:length]) == naive.normal_form(literals, connectives)
    assert parts[length + 1 :] == [CODES[c] for c in connectives]
    assert code[formulas.LENGTH] == length


@given(written(), written(), st.sampled_from((0.25, 0.5)), st.sampled_from((0.25, 0.5)))
def test_order_is_score_then_length_then_literals_then_and_before_or(one, two, score, other):
    left, right = built(*one, room=5), built(*two, room=5)
    left.score[0], right.score[0] = score, other

    def key(formula, value):
        literals, connectives = formula
        codes = tuple(CODES[c] for c in connectives)
        return (-value, len(literals), naive.normal_form(literals, connectives), codes)

    assert formulas.precedes(left, 0, right, 0) == (key(one, score) < key(two, other))


@given(written(2), st.integers(1, 130), st.integers(0, 2**32))
def test_extents_are_compared_word_by_word_without_the_bits_behind_the_end(formula, n, seed):
    labels = np.random.default_rng(seed).random((n, 4)) < 0.5
    packed = bits.pack_columns(labels)
    whole = bits.whole_set(n)
    literals, connectives = formula
    first = joined(whole, packed, literals[0], formulas.AND, whole)
    concepts = naive.extents(labels)
    if len(literals) == 1:
        extent = first
    else:
        code = CODES[connectives[0]]
        extent = joined(first, packed, literals[1], code, whole)
        for literal in range(8):
            for connective in "&|":
                same = formulas.same_extent(
                    formulas.Extent(first, literals[1], code),
                    formulas.Extent(first, literal, CODES[connective]),
                    packed,
                    whole,
                )
                other = naive.extent_of((literals[0], literal), connective, concepts, n)
                assert same == (naive.extent_of(literals, connectives, concepts, n) == other)
    members = {i for i in range(n) if int(extent[i // 64]) >> (i % 64) & 1}
    assert members == naive.extent_of(literals, connectives, concepts, n)
    assert all(int(word) & ~int(mask) == 0 for word, mask in zip(extent, whole, strict=True))
