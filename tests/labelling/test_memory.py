"""Memory does not grow with the number of units: neither while they are labelled nor later."""

import gc
import tracemalloc

import h5py
import numpy as np
import pytest

from invert_core import Settings, label_files
from invert_core.labelling.overview import Overview
from invert_core.metrics import alike
from invert_core.results import unfinished
from tests.results.unfinished_runs.stopped_runs import Stop

FEW, MANY = 2_000, 6_000
MOST_PER_UNIT = 200
"""Bytes: twice what the peak differs between runs, and less than half of what its rows take."""


def write_inputs(folder, n_units):
    """Write a sparse layer and ten concepts on 64 samples."""
    rng = np.random.default_rng(0)
    with h5py.File(folder / "a.h5", "w") as file:
        file.attrs.update({"format": "invert-activations", "format_version": 1, "rows_done": 64})
        layer = file.create_group("layers/latents")
        layer.attrs["shape"] = [64, n_units]
        layer["indptr"] = np.arange(n_units + 1) * 8
        samples = np.argsort(rng.random((n_units, 64)), axis=1)[:, :8]
        layer["indices"] = np.sort(samples, axis=1).ravel().astype(np.int32)
        layer["data"] = rng.random(8 * n_units).astype(np.float32)
    ids = np.array([f"concept {i}" for i in range(10)])
    np.savez(folder / "c.npz", labels=rng.random((64, 10)) < 0.3, id=ids)


def peak_of(folder, n_units, *, is_resumed=False):
    """Return the most bytes in use while units are labelled, half of them by an earlier run."""
    folder.mkdir()
    write_inputs(folder, n_units)
    arguments = (folder / "a.h5", folder / "c.npz", folder / "run")
    options = {"settings": Settings(length=2), "jobs": 1}

    def stop(labels):
        overview.add(labels)
        if overview.n_units >= n_units // 2:
            raise Stop

    if is_resumed:
        overview = Overview(top=0)
        with pytest.raises(Stop):
            label_files(*arguments, **options, each=stop)
    gc.collect()
    tracemalloc.start()
    try:
        overview = Overview(20, options["settings"])
        found = label_files(*arguments, **options, each=overview.add)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert overview.n_units == n_units
    assert overview.best == found.answers(20)
    return peak


@pytest.mark.slow
@pytest.mark.parametrize("is_resumed", [False, True])
def test_memory_does_not_grow_with_units(tmp_path, monkeypatch, is_resumed):
    # Otherwise the rows of a second wait to be saved, which are more on a faster machine.
    monkeypatch.setattr(unfinished, "SECONDS_BETWEEN_SAVES", 0.0)
    # The ranks by which units are compared are bounded; here, few units are at the bound already.
    monkeypatch.setattr(alike, "_FEWEST", 2)
    monkeypatch.setattr(alike, "_RANKS", 2**13)
    peak_of(tmp_path / "first", 10)  # what is made only once
    few, many = (peak_of(tmp_path / str(n), n, is_resumed=is_resumed) for n in (FEW, MANY))
    assert (many - few) / (MANY - FEW) < MOST_PER_UNIT
