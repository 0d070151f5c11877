"""Evidence and verdicts in the rows of a labelling."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from invert_core import Settings, label
from invert_core.formula.formula import Formula
from invert_core.labelling.inputs import Inputs
from invert_core.results.columns import Label

OF_EVIDENCE = (
    *("precision_at_10", "precision_at_100", "precision_at_size", "average_precision"),
    *("best_f1", "point_biserial", "n_distinct", "mode_share", "range_in_steps"),
)


@pytest.fixture
def case():
    """Units of most verdicts, and concepts; the lowest values of the last one detect a concept."""
    rng = np.random.default_rng(0)
    labels = rng.random((600, 6)) < 0.2
    units = rng.normal(size=(600, 6))
    units[:, 0] += 4 * labels[:, 0]
    # The highest samples are others than those that the concept moves.
    units[:, 1] += np.where(rng.random(600) < 0.05, 20, 1.5 * labels[:, 1])
    units[:, 2] = 1 + 1e-7 * labels[:, 2]
    units[:, 4] = 3
    units[:, 5] -= 4 * labels[:, 0]
    return units.astype(np.float32), {f"c{number}": labels[:, number] for number in range(6)}


def headlines(labels):
    return [row for row in labels if row.headline]


def test_each_kind_of_unit_gets_its_verdict(case):
    found = [row.verdict for row in headlines(label(*case, settings=Settings(objective="auc")))]
    assert found == ["holds", "bulk", "steps", "chance", "dead", "bulk"]


def test_the_lowest_samples_are_the_top_in_direction_negative(case):
    units, concepts = case
    (row,) = headlines(
        label(units[:, 5:], concepts, settings=Settings(objective="auc", direction="negative"))
    )
    assert (row.label, row.precision_at_10, row.verdict) == ("c0", 1.0, "holds")
    assert row.rank_correlation < 0
    assert row.point_biserial < 0


@pytest.mark.parametrize("options", [{}, {"holdout": 0.3}])
@pytest.mark.parametrize("direction", ["positive", "both"])
def test_every_row_has_the_numbers_of_its_own_formula(case, options, direction):
    units, concepts = case
    found = label(
        units, concepts, settings=Settings(objective="auc", direction=direction), **options
    )
    kept = np.arange(600)
    if options:
        with Inputs(units, concepts, holdout=0.3).open(0) as work:
            kept = work.kept
    compared = 0
    for row in found:
        if row.status == "dead":
            continue
        extent = Formula.parse(row.formula).evaluate(found.concepts)[kept]
        values = units[kept, row.unit] * (-1 if row.direction == "negative" else 1)
        assert row.n_positive == extent.sum()
        assert row.average_precision == pytest.approx(average_precision_score(extent, values))
        compared += 1
    assert compared > 10


def test_a_label_that_does_not_hold_on_other_samples_fades():
    rng = np.random.default_rng(1)
    labels = rng.random((2_000, 3)) < 0.2
    values = rng.normal(size=2_000)
    with Inputs(values, {"a": labels[:, 0]}, holdout=0.5).open(0) as work:
        seen = work.kept
    values[seen] += 2 * labels[seen, 0]
    concepts = {name: labels[:, number] for number, name in enumerate("abc")}
    (row,) = headlines(
        label(values, concepts, holdout=0.5, settings=Settings(objective="auc", length=1))
    )
    assert (row.label, row.verdict) == ("a", "fades")
    assert row.optimism > 0.3


def test_without_evidence_the_other_columns_are_the_same(case):
    rows = label(*case, settings=Settings(objective="auc")).rows
    plain = label(*case, settings=Settings(objective="auc", evidence=False)).rows
    for row, without in zip(rows, plain, strict=True):
        expected = row.row() | dict.fromkeys(OF_EVIDENCE)
        expected["verdict"] = "dead" if row.status == "dead" else "none"
        assert without.row() == expected


def test_evidence_does_not_depend_on_threads_and_blocks(case):
    once = label(*case, jobs=1).rows
    assert [row.row() for row in label(*case, jobs=3, block=1)] == [row.row() for row in once]


def test_rows_of_earlier_versions_have_no_verdict():
    row = Label.of_dead_unit(layer="fc", unit=0, direction="positive", n_samples=9)
    assert row.verdict == "dead"
    assert Label.__dataclass_fields__["verdict"].default == "none"


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_unit_as_wide_as_its_type_is_labelled(dtype):
    marks = np.arange(60) % 3 == 0
    largest = np.finfo(dtype).max
    values = np.where(marks, largest, -largest)[:, None].astype(dtype)
    (row,) = label(
        values, {"a": marks}, settings=Settings(objective="auc", length=1, permutations=0)
    )
    assert (row.formula, row.verdict, row.precision_at_size) == ("a", "holds", 1.0)
    assert row.range_in_steps > 2**10
