"""The searches find what the definitions say, and the comparison sees where they do not."""

from collections import Counter
from dataclasses import replace
from fractions import Fraction
from random import Random

import numpy as np
import pytest

from invert_core.nulls.correcting import Correct
from tests import naive
from tests.oracle import compare as comparing
from tests.oracle import definitions
from tests.oracle.cases import KINDS, case
from tests.oracle.compare import Differs, compare


@pytest.mark.parametrize("kind", KINDS)
def test_small_random_cases_are_labelled_as_the_definitions_say(kind):
    n_cases = 25 if kind == "permuted" else 70
    ends = Counter(compare(case(kind, 0, number)) for number in range(n_cases))
    assert ends["labelled"] >= n_cases * 0.4
    assert ends["refused"] >= n_cases * 0.07


def _other_value(given):
    """Another unit: the order of the first two samples is turned round."""
    units = tuple((values[1], values[0], *values[2:]) for values in given.units)
    return replace(given, units=units)


def _other_mark(given):
    return replace(
        given,
        concepts=replace(
            given.concepts, true=(given.concepts.true[0] ^ 1, *given.concepts.true[1:])
        ),
    )


def _other_beam(given):
    return replace(given, rules=replace(given.rules, beam=given.rules.beam + 1))


def _other_gain(given):
    return replace(given, rules=replace(given.rules, min_gain=given.rules.min_gain + 0.2))


def _other_length(given):
    return replace(given, rules=replace(given.rules, length=given.rules.length - 1 or 2))


@pytest.mark.parametrize(
    "change", [_other_value, _other_mark, _other_beam, _other_gain, _other_length]
)
def test_a_labelling_of_something_else_differs(change, monkeypatch):
    label = comparing._label
    monkeypatch.setattr(comparing, "_label", lambda given, ids: label(change(given), ids))
    n_different = 0
    for number in range(40):
        try:
            compare(case("beam", 0, number))
        except Differs:
            n_different += 1
    assert n_different >= 5


def test_a_rank_sum_off_by_one_differs(monkeypatch):
    number = next(number for number in range(40) if compare(case("beam", 0, number)) == "labelled")
    doubled_u = definitions.RankedSamples.doubled_u
    monkeypatch.setattr(
        definitions.RankedSamples, "doubled_u", lambda self, extent: doubled_u(self, extent) + 1
    )
    with pytest.raises(Differs, match="2U"):
        compare(case("beam", 0, number))


def test_p_off_by_a_thousandth_differs(monkeypatch):
    number = next(number for number in range(40) if compare(case("beam", 0, number)) == "labelled")
    p_value = definitions.RankedSamples.p_value
    monkeypatch.setattr(
        definitions.RankedSamples,
        "p_value",
        lambda self, extent: p_value(self, extent) * Fraction(999, 1000),
    )
    with pytest.raises(Differs, match="log10_p by its method"):
        compare(case("beam", 0, number))


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_permutations_that_count_too_few_or_too_many_differ(factor, monkeypatch):
    permuted = Correct._permuted

    def wrongly(self, *found):
        count = permuted(self, *found) * 1001 - 1
        return (1 + np.minimum(1000, np.rint(factor * count))) / 1001

    monkeypatch.setattr(Correct, "_permuted", wrongly)
    n_different = 0
    for number in range(25):
        try:
            compare(case("permuted", 0, number))
        except Differs as differs:
            n_different += "chance" in str(differs)
    assert n_different >= 3


def test_literals_are_sorted_as_the_other_oracle_does():
    random = Random(0)
    for _ in range(500):
        literals = [random.randrange(8) for _ in range(random.randint(1, 6))]
        connectives = [random.choice("&|") for _ in literals[1:]]
        formula = definitions.Formula((literals[0],))
        for connective, literal in zip(connectives, literals[1:], strict=True):
            formula = formula.joined(connective, literal)
        assert formula.literals == naive.normal_form(literals, connectives)
