"""What p-values from permuted samples cost beside the search: the first time, and once kept."""

from dataclasses import replace

import pytest

from bench.measuring import Way
from bench.searches import SEARCHES
from invert_core import label

WORKLOADS = ("ImageNet-val, L=3, B=3", "digits, L=3, B=3")
PERMUTATIONS = 200


@pytest.mark.parametrize("workload", WORKLOADS)
def test_permuted_searches(alternate, data_of, workload, monkeypatch, tmp_path):
    search = SEARCHES[workload]
    data = data_of(search.structure)
    activations = data.activations[:, : search.n_units]
    samples, units = activations.shape
    folders = iter(range(1_000_000))

    def labelled(permutations, folder):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / str(folder)))
        settings = replace(search.settings, permutations=permutations)
        return label(activations, data.concepts, settings=settings)

    expected = [row.p_search for row in labelled(PERMUTATIONS, "kept")]

    def check(found):
        assert [row.p_search for row in found] == expected
        assert any(row.correction == "permutation" for row in found)

    ways = [
        Way("no permutations", lambda: labelled(0, "none")),
        Way("first time", lambda: labelled(PERMUTATIONS, next(folders)), check),
        Way("kept on disk", lambda: labelled(PERMUTATIONS, "kept"), check),
    ]
    name = f"{workload}: {samples:,} x {units}, P = {PERMUTATIONS}"
    alternate(name, ways, rounds=5, table="permutations")
