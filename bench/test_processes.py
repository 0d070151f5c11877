"""Whole processes of `invert label` on small data: the first, which compiles, and later ones."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench.measuring import Way

_COMMAND_LINE = Path(__file__).resolve().parents[1] / "cli.py"
N_SAMPLES, N_CONCEPTS, N_UNITS = 1_000, 20, 10
OPTIONS = {"": (), " --search exhaustive": ("--search", "exhaustive", "--length", "2")}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Activations and concepts that are labelled in no time, so that start-up is what counts."""
    folder = tmp_path_factory.mktemp("small")
    rng = np.random.default_rng(0)
    labels = rng.random((N_SAMPLES, N_CONCEPTS)) < 0.1
    np.save(folder / "layer.npy", rng.standard_normal((N_SAMPLES, N_UNITS), np.float32))
    np.savez(folder / "concepts.npz", labels=labels, id=[f"c{k}" for k in range(N_CONCEPTS)])
    return folder


def label(folder, cache, options):
    """Run `invert label` with the machine code of a cache, and return its rows."""
    run = folder / "run"
    subprocess.run(
        [
            *(sys.executable, _COMMAND_LINE, "label", folder / "layer.npy"),
            *(folder / "concepts.npz", "-o", run, "--overwrite", "--objective", "auc", *options),
        ],
        env={**os.environ, "NUMBA_CACHE_DIR": str(cache)},
        check=True,
        capture_output=True,
    )
    return (run / "labels.csv").read_text("utf-8").splitlines()


def all_units(rows):
    assert {row.split(",")[1] for row in rows[1:]} == {f"{unit}" for unit in range(N_UNITS)}


def test_first(alternate, inputs, tmp_path):
    caches = map(str, range(1_000))

    def compiling(options):
        def run():
            cache = tmp_path / next(caches)
            cache.mkdir()
            return label(inputs, cache, options)

        return run

    ways = [
        Way(f"invert label{name}", compiling(options), all_units, rounds=2)
        for name, options in OPTIONS.items()
    ]
    alternate("first run, empty cache", ways, rounds=2, table="processes")


def test_later(alternate, inputs, tmp_path):
    ways = [
        Way(
            f"invert label{name}",
            lambda options=options: label(inputs, tmp_path, options),
            all_units,
        )
        for name, options in OPTIONS.items()
    ]
    alternate("small data, compiled", ways, rounds=7, table="processes")
