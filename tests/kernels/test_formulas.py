import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_core.kernels import bits, formulas
from tests import naive
from tests.kernels.parts import from_python

pytestmark = [
    pytest.mark.kernels,
    pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning"),
]

CODES = {"&": formulas.AND, "|": formulas.OR}

join = from_python(formulas.join)
precedes = from_python(formulas.precedes)
of_kind = from_python(formulas.of_kind)
write_extent = from_python(formulas.write_extent)
is_within = from_python(formulas.is_within)
same_words = from_python(formulas.same_words)


def kind_of(literal, connective):
    return CODES[connective] * 2 + (literal & 1)


def built(literals, connectives, room=None):
    """The columns of the formula as the search builds it, one literal after another."""
    code = np.zeros(formulas.width_of(room or len(literals)), np.int64)
    # The search joins the first literal by either connective, which must leave no trace.
    for literal, connective in zip(literals, ("|", *connectives), strict=True):
        longer = np.empty_like(code)
        join(code, literal >> 1, kind_of(literal, connective), longer)
        code = longer
    return code


@st.composite
def written(draw, max_length=5):
    length = draw(st.integers(1, max_length))
    literals = draw(st.lists(st.integers(0, 7), min_size=length, max_size=length))
    connectives = draw(st.lists(st.sampled_from("&|"), min_size=length - 1, max_size=length - 1))
    return tuple(literals), tuple(connectives)


@given(written())
def test_joining_literals_one_by_one_gives_the_normal_form(formula):
    literals, connectives = formula
    code = built(literals, connectives).tolist()
    length = len(literals)
    parts = code[formulas.LITERALS :]
    assert tuple(parts[:length]) == naive.normal_form(literals, connectives)
    assert parts[length:] == [0, *(CODES[c] for c in connectives)]
    assert code[formulas.LENGTH] == length


@given(written(), written(), st.sampled_from((0.25, 0.5)), st.sampled_from((0.25, 0.5)))
def test_order_is_score_then_length_then_literals_then_and_before_or(one, two, score, other):
    def key(formula, value):
        literals, connectives = formula
        codes = tuple(CODES[c] for c in connectives)
        return (-value, len(literals), naive.normal_form(literals, connectives), codes)

    comes_first = precedes(built(*one, room=5), score, built(*two, room=5), other)
    assert comes_first == (key(one, score) < key(two, other))


def members_of(words, n):
    return {i for i in range(n) if int(words[i // 64]) >> (i % 64) & 1}


@given(st.integers(1, 130), st.integers(0, 2**32))
def test_extents_and_sizes_of_candidates_follow_from_those_of_formula_and_concept(n, seed):
    rng = np.random.default_rng(seed)
    labels = rng.random((n, 2)) < rng.random(2)
    formula, concept = bits.pack_columns(labels)
    whole = bits.whole_set(n)
    inside, with_concept = (set(np.flatnonzero(column)) for column in labels.T)
    all_samples = set(range(n))
    expected = {
        formulas.AND_IT: inside & with_concept,
        formulas.AND_NOT: inside - with_concept,
        formulas.OR_IT: inside | with_concept,
        formulas.OR_NOT: inside | (all_samples - with_concept),
    }
    sizes = (n, len(inside), len(with_concept), len(inside & with_concept))
    for kind, members in expected.items():
        words = np.empty_like(whole)
        write_extent(kind, formula, concept, whole, words)
        assert members_of(words, n) == members
        assert not (words & ~whole).any()
        assert of_kind(kind, *sizes) == len(members)
        assert is_within(words, formula) == (members <= inside)
        assert is_within(formula, words) == (inside <= members)
        assert same_words(words, formula) == (members == inside)
