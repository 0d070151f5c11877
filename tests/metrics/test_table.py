import math

import numpy as np
import pytest
import scipy.sparse

from invert_core import ConceptSet, Settings, label
from invert_core.labelling import label_rows
from invert_core.metrics import table
from tests import naive


def auc(values, extent):
    """A metric with a known answer: the AUC of the row, computed slowly."""
    return naive.auc(values.tolist(), set(np.flatnonzero(extent).tolist()))[1]


def data(*, are_missing):
    rng = np.random.default_rng(2)
    labels = (rng.random((120, 6)) < 0.3).astype(float)
    values = np.maximum(rng.normal(size=(120, 5)) + labels[:, :5], 0)
    if are_missing:
        labels[rng.random(labels.shape) < 0.1] = np.nan
    return values, ConceptSet.from_arrays(labels, [f"c{i}" for i in range(6)])


@pytest.mark.parametrize("kind", ["dense", "sparse", "missing labels"])
@pytest.mark.parametrize("jobs", [1, 3])
def test_a_metric_gets_the_activations_and_the_extent_of_each_reported_formula(
    monkeypatch, kind, jobs
):
    values, concepts = data(are_missing=kind == "missing labels")
    seen = []

    def measured(of_unit, extent):
        seen.append(table.measured(of_unit, extent)["auc"])
        return {}  # `Label` has the column already, and from somewhere else

    monkeypatch.setitem(table.METRICS, "auc", auc)
    monkeypatch.setattr(label_rows, "measured", measured)
    rows = label(
        scipy.sparse.csc_matrix(values) if kind == "sparse" else values,
        concepts,
        settings=Settings(min_fraction=0.05),
        missing="exclude",
        jobs=jobs,
    )
    assert len(seen) >= 10
    assert [row.auc for row in rows] == seen


@pytest.mark.parametrize("value", [1, np.float32(1), True])
def test_any_number_becomes_a_float_as_runs_are_read(monkeypatch, value):
    monkeypatch.setitem(table.METRICS, "auc", lambda values, extent: value)
    (number,) = table.measured(np.zeros(2), np.array([True, False])).values()
    assert (type(number), number) == (float, 1.0)


def test_a_metric_may_have_no_value_but_not_nan(monkeypatch):
    monkeypatch.setitem(table.METRICS, "auc", lambda values, extent: None)
    assert table.measured(np.zeros(2), np.array([True, False])) == {"auc": None}
    monkeypatch.setitem(table.METRICS, "auc", lambda values, extent: math.nan)
    with pytest.raises(ValueError, match="The metric 'auc' is nan; let it return None"):
        table.measured(np.zeros(2), np.array([True, False]))


def test_every_metric_has_its_column():
    assert set(table.METRICS) <= set(label_rows.Label.ORDER)
