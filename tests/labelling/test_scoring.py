import numpy as np
import pytest

from invert_core.errors import DataError, FormulaError, UnknownNameError
from invert_core.labelling.probing import probe
from invert_core.labelling.scoring import score
from tests import naive
from tests.labelling.small_case import concept_set, p_of, small


def test_score_tests_one_formula_on_every_unit():
    activations, labels = small()
    found = score(activations, concept_set(labels), "c0 & ~c1 | c2")
    extent = (labels[:, 0] & ~labels[:, 1]) | labels[:, 2]
    assert [row.unit for row in found] == [0, 1, 2, 3, 4]
    for row, values in zip(found, activations.T, strict=True):
        inside = set(np.flatnonzero(extent).tolist())
        expected = naive.mann_whitney(values.tolist(), inside)
        assert (row.auc, row.u) == (expected.auc, expected.u)
        assert (row.p_value, row.log10_p) == p_of(values, inside)
        assert (row.p_search, row.log10_p_search) == (row.p_value, row.log10_p)
        assert (row.n_scored, row.direction, row.rank) == (1, "given", 1)
        assert row.correction == "none"
    assert [row.status for row in found] == ["ok", "dead", "ok", "ok", "ok"]
    assert found.rows[1].formula == "c0 & ~c1 | c2"


def test_score_takes_any_formula_that_parses():
    activations, labels = small()
    found = score(activations, concept_set(labels), "~(c0 | c1) & (c2 | ~(c3 & c4))")
    extent = ~(labels[:, 0] | labels[:, 1]) & (labels[:, 2] | ~(labels[:, 3] & labels[:, 4]))
    assert found.rows[0].n_positive == extent.sum()


def test_a_broken_formula_is_refused_before_anything_is_opened():
    with pytest.raises(FormulaError):
        score("none.npz", "none.csv", "c0 &")


def test_a_label_is_taken_as_the_formula():
    activations, labels = small()
    concepts = concept_set(labels, name=("even", "two words", "a & b", "even", "c0", "f"))
    by_id = score(activations, concepts, "c0 & ~c1 | c2 | c4")
    assert by_id.rows[0].label == 'even (c0) & ~two words | "a & b" | c0 (c4)'
    assert score(activations, concepts, by_id.rows[0].label) == by_id
    extent = by_id.extent(by_id.rows[0])
    assert np.array_equal(by_id.extent(by_id.rows[0].label), extent)
    with pytest.raises(UnknownNameError, match=r"'even'.*2 concepts"):
        score(activations, concepts, "even & ~two words")


@pytest.mark.parametrize(
    ("formula", "error"),
    [("c0 &", FormulaError), ("c99", UnknownNameError), ("c0 & ~c0", DataError)],
)
def test_a_formula_that_cannot_be_tested_is_refused(formula, error):
    activations, labels = small()
    with pytest.raises(error) as caught:
        score(activations, concept_set(labels), formula)
    assert caught.value.hint


@pytest.mark.parametrize("test", [score, probe])
def test_samples_that_look_grouped_are_told_without_advice_that_cannot_be_followed(test, caplog):
    activations, labels = small(n_samples=40)
    concepts = concept_set(labels, sample_id=[f"clip{n // 4}/{n % 4}" for n in range(40)])
    test(activations, concepts, "c0")
    told = [one.getMessage() for one in caplog.records if "look like parts" in one.getMessage()]
    assert len(told) == 1
    assert told[0].endswith("make chance look significant if they are not.")
