"""Peak memory of `invert label` from an HDF5 file, each workload in a process of its own."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from bench.peak import COMMAND_LINE, run_label
from bench.results import Peak
from bench.scale import Workload, concepts_of, write_csc
from bench.searches import SEARCHES
from bench.structures import N_CLASSES, Hierarchy
from invert_core import write_concepts
from invert_core.activations import ActivationWriter, Origin


@pytest.mark.parametrize("workload", SEARCHES)
def test_peak_memory(results, data_of, tmp_path, workload):
    search = SEARCHES[workload]
    data = data_of(search.structure)
    activations, concepts = tmp_path / "activations.h5", tmp_path / "concepts.h5"
    samples = [str(number) for number in range(len(data.activations))]
    with ActivationWriter(activations, Origin(len(samples), {"workload": workload})) as writer:
        writer.write({"layer": data.activations[:, : search.n_units]})
        writer.finish()
    write_concepts(concepts, data.concepts)
    used = run_label(
        *(activations, concepts, "-o", tmp_path / "run"),
        *("--length", search.settings.length, "--beam", search.settings.beam),
        *("--min-fraction", search.settings.min_fraction, "--objective", "auc"),
    )
    results.peaks.append(Peak(workload, *used))


MANY = Workload(n_samples=10_000, n_units=131_072, density=0.002)


@pytest.fixture(scope="module")
def many_units(tmp_path_factory):
    """Return files of `MANY` and of 64 concepts that hold on 1 or 10 % of the samples."""
    folder = tmp_path_factory.mktemp("many")
    rng = np.random.default_rng(0)
    share = np.where(np.arange(64) < 5, 0.01, 0.1)
    names = tuple(f"c{number}" for number in range(64))
    classes = Hierarchy(rng.random((N_CLASSES, 64)) < share, names, "random classes")
    of_sample = rng.permutation(np.arange(MANY.n_samples) % N_CLASSES)
    ids = [str(number) for number in range(MANY.n_samples)]
    write_concepts(folder / "concepts.h5", concepts_of(classes, of_sample, ids))
    write_csc(folder / "activations.h5", MANY, classes, of_sample, ids)
    return folder / "activations.h5", folder / "concepts.h5"


@pytest.mark.parametrize("is_resumed", [False, True])
def test_peak_memory_of_many_units(results, many_units, tmp_path, is_resumed):
    command = ("label", *many_units, "-o", tmp_path / "run", "--objective", "auc")
    if is_resumed:
        interrupt_after(MANY.n_units // 2, tmp_path / "run.partial", command)
    used = run_label(*command[1:])
    assert used.peak_bytes < 1e9
    title = f"{MANY.n_units:,} sparse units" + (", half of them by an earlier run" * is_resumed)
    results.peaks.append(Peak(title, *used))


def interrupt_after(n_units, folder, command):
    """Run a labelling until so many units are saved."""
    with subprocess.Popen(
        [sys.executable, COMMAND_LINE, *command], stdout=subprocess.DEVNULL
    ) as running:
        record = folder / "unfinished.json"
        while not record.exists() or json.loads(record.read_text())["n_units"] < n_units:
            assert running.poll() is None
            time.sleep(0.1)
        running.send_signal(signal.SIGINT)
