"""Peak memory of `invert label` from an HDF5 file, each workload in a process of its own."""

import pytest

from bench.peak import run_label
from bench.results import Peak
from bench.searches import SEARCHES
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
        *("--min-fraction", search.settings.min_fraction),
    )
    results.peaks.append(Peak(workload, *used))
