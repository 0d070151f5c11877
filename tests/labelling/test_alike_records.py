"""Records of the units alike do not depend on how the units of layers come in parts."""

import numpy as np
import pytest

from invert_core import Settings, label_files
from invert_core.labelling.alike_records import WithAlike
from invert_core.metrics.alike import NO_UNIT, units_alike
from invert_core.results.evidence_records import UNIT_TYPE, EvidenceRecords, sampled_type

N_UNITS, N_COMPARED = (7, 1, 9), 30


def records_of(ranks, n_ways):
    """The records of three layers; the numbers of their units are odd."""
    units = np.zeros(sum(N_UNITS), UNIT_TYPE)
    units["layer"] = np.repeat(range(3), N_UNITS)
    units["unit"] = np.concatenate([2 * np.arange(n) + 1 for n in N_UNITS])
    sampled = np.zeros(units.size, sampled_type(N_COMPARED))
    sampled["ranks"] = ranks
    return np.repeat(units, n_ways), sampled


@pytest.mark.parametrize("n_ways", [1, 2])
@pytest.mark.parametrize("size", [1, 4, 8, 100])
def test_units_are_compared_with_those_of_their_own_layer(n_ways, size):
    rng = np.random.default_rng(0)
    ranks = 2 * rng.permuted(np.tile(np.arange(N_COMPARED), (sum(N_UNITS), 1)), axis=1) + 2
    units, sampled = records_of(ranks, n_ways)
    parts = [
        EvidenceRecords(
            {
                "units": units[n_ways * start : n_ways * (start + size)],
                "sampled": sampled[start : start + size],
            }
        )
        for start in range(0, len(sampled), size)
    ]
    found = np.concatenate([part["alike"] for part in WithAlike.of(parts, n_ways)])
    start = 0
    for n_units in N_UNITS:
        positions, correlations = units_alike(ranks[start : start + n_units].astype(np.uint16))
        of_layer = found[n_ways * start : n_ways * (start + n_units)]
        numbers = np.where(positions == NO_UNIT, NO_UNIT, 2 * positions.astype(np.int64) + 1)
        assert of_layer["unit"].tolist() == np.repeat(numbers, n_ways, axis=0).tolist()
        expected = np.repeat(correlations, n_ways, axis=0)
        np.testing.assert_array_equal(of_layer["correlation"], expected)
        start += n_units
    assert (found["unit"][n_ways * N_UNITS[0]] == NO_UNIT).all()


def test_the_file_has_the_same_bytes_with_any_number_of_threads(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    np.savez("a.npz", one=rng.normal(size=(80, 40)), two=rng.normal(size=(80, 3)))
    np.savez("c.npz", labels=rng.random((80, 4)) < 0.3, id=list("abcd"))
    settings = Settings(length=2, permutations=0, objective="auc,phi", direction="both")
    made = []
    for jobs in (1, 3):
        label_files("a.npz", "c.npz", f"run{jobs}", settings=settings, jobs=jobs)
        made.append((tmp_path / f"run{jobs}" / "evidence.h5").read_bytes())
    assert made[0] == made[1]
