"""What the evidence costs beside the search, and alone for each unit."""

from dataclasses import replace

import numpy as np
import pytest

from bench.measuring import Way
from bench.searches import SEARCHES
from invert_core import label
from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.metrics.evidence import EvidenceMaker
from invert_core.search.beam_search import BeamSearch

WORKLOADS = ("ImageNet-val, L=3, B=3", "digits, L=3, B=3")
N_UNITS = 64


@pytest.mark.parametrize("workload", WORKLOADS)
def test_labelling_with_evidence(alternate, data_of, workload):
    search = SEARCHES[workload]
    data = data_of(search.structure)
    activations = data.activations[:, : search.n_units]
    samples, units = activations.shape

    def labelled(evidence):
        settings = replace(search.settings, permutations=0, evidence=evidence)
        return label(activations, data.concepts, settings=settings)

    expected = [row.verdict for row in labelled(True)]

    def check(found):
        assert [row.verdict for row in found] == expected

    ways = [
        Way("no evidence", lambda: labelled(False)),
        Way("evidence", lambda: labelled(True), check),
    ]
    alternate(f"{workload}: {samples:,} x {units}", ways, rounds=5, table="evidence")


@pytest.mark.parametrize("kind", ["untied", "50 % zeros", "98 % zeros"])
def test_evidence_of_units(alternate, kind):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(N_UNITS, 50_000)).astype(np.float32)
    if kind != "untied":
        values = np.maximum(values - (0.0 if kind == "50 % zeros" else 2.05), 0)
    labels = rng.random((50_000, 40)) < 0.02
    concepts = ConceptSet.from_arrays(labels, [f"c{number}" for number in range(40)])
    settings = SEARCHES["ImageNet-val, L=3, B=3"].settings
    search = BeamSearch(concepts, settings, [values.dtype])
    maker = EvidenceMaker(concepts, settings, [values.dtype])
    found = search.explain(values)
    expected = maker(values, [found])

    def check(evidence):
        measures = evidence.formulas.measures
        np.testing.assert_array_equal(measures, expected.formulas.measures)

    ways = [
        Way("search", lambda: search.explain(values)),
        Way("evidence", lambda: maker(values, [found]), check),
    ]
    alternate(f"{kind}: 50,000 x {N_UNITS}", ways, rounds=5, table="evidence")
