import itertools

import numpy as np
import pytest
import scipy.sparse

from invert_core import ConceptSet, Settings, label, score
from invert_core.labelling.inputs import Inputs
from invert_core.labelling.label import label_workload
from invert_core.metrics import table
from tests import naive


def auc(values, extent):
    """A metric with a known answer: the AUC of the row itself, the slow way."""
    return naive.auc(values.tolist(), set(np.flatnonzero(extent).tolist()))[1]


@pytest.fixture
def auc_as_gap(monkeypatch):
    """The metric fills a column that there is already."""
    monkeypatch.setitem(table.METRICS, "gap", auc)


def data(kind):
    """Activations of 5 units, and concepts that each of them detects."""
    rng = np.random.default_rng(2)
    labels = (rng.random((120, 6)) < 0.3).astype(float)
    values = np.maximum(rng.normal(size=(120, 5)) + labels[:, :5], 0)
    if kind == "missing labels":
        labels[rng.random(labels.shape) < 0.1] = np.nan
    concepts = ConceptSet.from_arrays(labels, [f"c{i}" for i in range(6)])
    return (scipy.sparse.csc_matrix(values) if kind == "sparse" else values), concepts


KINDS = ("dense", "sparse", "missing labels")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("jobs", [1, 3])
def test_a_metric_gets_the_activations_and_the_extent_of_each_reported_formula(
    auc_as_gap, kind, jobs
):
    settings = Settings(min_fraction=0.05)
    rows = label(*data(kind), settings=settings, missing="exclude", jobs=jobs).rows
    assert len(rows) >= 10
    assert [row.gap for row in rows] == [row.auc for row in rows]


@pytest.mark.parametrize("kind", KINDS)
def test_a_metric_is_computed_for_a_formula_that_is_scored(auc_as_gap, kind):
    rows = score(*data(kind), "c0 | ~c1", missing="exclude", block=2).rows
    assert len(rows) == 5
    assert [row.gap for row in rows] == [row.auc for row in rows]


@pytest.mark.parametrize("value", [np.int64(1), np.float32(0.5), 1, True])
def test_a_number_of_any_kind_becomes_a_float(monkeypatch, value):
    monkeypatch.setitem(table.METRICS, "gap", lambda values, extent: value)
    (found,) = table.measured(np.arange(3.0), np.arange(3) < 1).values()
    assert type(found) is float
    assert found == value


def test_a_metric_may_have_no_value(monkeypatch):
    monkeypatch.setitem(table.METRICS, "gap", lambda values, extent: None)
    assert table.measured(np.arange(3.0), np.arange(3) < 1) == {"gap": None}


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_metric_that_gives_no_number_is_named(monkeypatch, value):
    monkeypatch.setitem(table.METRICS, "gap", lambda values, extent: value)
    with pytest.raises(ValueError, match="'gap'"):
        table.measured(np.arange(3.0), np.arange(3) < 1)


def test_no_row_comes_without_its_metrics_when_the_work_is_interrupted(auc_as_gap):
    def interrupt(done, _total):
        if done:
            raise KeyboardInterrupt

    rows = []
    with Inputs(*data("dense")).open() as work:
        tables = label_workload(work, Settings(length=1), jobs=1, progress=interrupt, block=1)
        with pytest.raises(KeyboardInterrupt):
            rows += itertools.chain.from_iterable(tables)
    assert [row.gap for row in rows] == [row.auc for row in rows]
