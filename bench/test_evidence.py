"""What the evidence costs beside the search, and alone for each unit."""

from dataclasses import replace

import numpy as np
import pytest

from bench.measuring import Way
from bench.searches import SEARCHES
from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.labelling.evidence_recorder import samples_compared
from invert_core.labelling.inputs import Inputs
from invert_core.labelling.label import label_workload
from invert_core.labelling.searches import searches_of
from invert_core.metrics.alike import samples_to_compare, units_alike
from invert_core.metrics.concept_auc import ConceptAUC
from invert_core.metrics.evidence import EvidenceMaker
from invert_core.results.concept_records import MOST_NUMBERS
from invert_core.search.beam_search import BeamSearch
from invert_core.search.several import Several

WORKLOADS = ("ImageNet-val, L=3, B=3", "digits, L=3, B=3")
N_UNITS = 64
OBJECTIVES = ("auc", "auc,phi")


@pytest.mark.parametrize("objectives", OBJECTIVES)
@pytest.mark.parametrize("workload", WORKLOADS)
def test_labelling_with_evidence(alternate, data_of, workload, objectives):
    search = SEARCHES[workload]
    data = data_of(search.structure)
    activations = data.activations[:, : search.n_units]
    samples, units = activations.shape

    def labelled(evidence):
        settings = replace(search.settings, permutations=0, evidence=evidence, objective=objectives)
        with Inputs(activations, data.concepts).open() as work:
            return list(label_workload(work, settings, keeps_evidence=evidence))

    def rows_of(tables):
        return np.concatenate([table.evidence["rows"]["hits"] for table in tables])

    expected = rows_of(labelled(True))

    def check(found):
        np.testing.assert_array_equal(rows_of(found), expected)

    ways = [
        Way("no evidence", lambda: labelled(False)),
        Way("evidence", lambda: labelled(True), check),
    ]
    title = f"{workload}, {objectives}: {samples:,} x {units}"
    alternate(title, ways, rounds=5, table="evidence")


@pytest.mark.parametrize("objectives", OBJECTIVES)
@pytest.mark.parametrize("kind", ["untied", "50 % zeros", "98 % zeros"])
def test_evidence_of_units(alternate, kind, objectives):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(N_UNITS, 50_000)).astype(np.float32)
    if kind != "untied":
        values = np.maximum(values - (0.0 if kind == "50 % zeros" else 2.05), 0)
    labels = rng.random((50_000, 40)) < 0.02
    concepts = ConceptSet.from_arrays(labels, [f"c{number}" for number in range(40)])
    settings = replace(SEARCHES["ImageNet-val, L=3, B=3"].settings, objective=objectives)
    with Inputs(values.T, concepts).open() as work:
        search = Several(searches_of(work, settings, 1))
        compared = samples_compared(work, settings)
    maker = EvidenceMaker(concepts, settings, [values.dtype], compared=compared)
    found = search.explain(values)
    expected = maker(values, found.results)

    def check(evidence):
        measures = evidence.formulas.measures
        np.testing.assert_array_equal(measures, expected.formulas.measures)
        np.testing.assert_array_equal(evidence.ranks, expected.ranks)

    ways = [
        Way("search", lambda: search.explain(values)),
        Way("evidence", lambda: maker(values, found.results), check),
    ]
    alternate(f"{kind}, {objectives}: 50,000 x {N_UNITS}", ways, rounds=5, table="evidence")


@pytest.mark.parametrize("n_units", [512, 4_096])
def test_units_alike(alternate, n_units):
    rng = np.random.default_rng(0)
    units = rng.normal(size=(n_units, samples_to_compare(50_000, n_units, 0).size))
    ranks = (2 * units.argsort(axis=1).argsort(axis=1) + 2).astype(np.uint16)
    expected, _ = units_alike(ranks)

    def check(found):
        np.testing.assert_array_equal(found[0], expected)

    ways = [Way("units alike", lambda: units_alike(ranks), check)]
    alternate(f"{n_units:,} units: {ranks.shape[1]:,} samples", ways, rounds=5, table="evidence")


@pytest.mark.parametrize("workload", [*WORKLOADS, "mixed, L=3, B=3", "Zipf, L=5, B=20"])
def test_auc_of_concepts(alternate, data_of, workload):
    of_workload = SEARCHES[workload]
    data = data_of(of_workload.structure)
    concepts, settings = data.concepts, of_workload.settings
    units = np.ascontiguousarray(data.activations[:, : min(N_UNITS, of_workload.n_units)].T)
    search = BeamSearch(concepts, settings, [units.dtype])
    makers = {
        "of all concepts": ConceptAUC(concepts, settings, len(units)),
        "of the extreme ones": ConceptAUC(concepts, settings, MOST_NUMBERS),
    }

    def found(make=None):
        parts = range(0, len(units), search.most_units)
        several = Several([search], make)
        return [several.explain(units[start : start + search.most_units]) for start in parts]

    ways = [Way("search", found)]
    ways += [Way(f"and AUC {kept}", lambda make=make: found(make)) for kept, make in makers.items()]
    n_concepts = len(concepts.id)
    title = f"{workload}: {len(units)} units, {n_concepts:,} concepts"
    alternate(title, ways, rounds=5, table="evidence")
