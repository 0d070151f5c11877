"""The stages of labelling one unit, in one thread: means over a block of units."""

from types import SimpleNamespace

import numpy as np
import pytest

from bench.measuring import Way
from invert_core import Activations, Settings, label
from invert_core.kernels.beam_search import search_units
from invert_core.kernels.candidates import Limits
from invert_core.kernels.ranks import rank_sums
from invert_core.kernels.sums import concept_sums, index_by_atoms
from invert_core.labelling.label_rows import LabelRows
from invert_core.labelling.workload import Workload
from invert_core.results.label_text import LabelText
from invert_core.search.beam_search import BeamSearch
from invert_core.search.complete_search import sizes_within
from invert_core.statistics.corrections import n_formulas

N_UNITS = 64
SETTINGS = Settings(length=3, beam=3, objective="auc")


@pytest.fixture(scope="module", params=["ImageNet-val", "dense"])
def made(request, data_of):
    """Return the input of every stage."""
    data = data_of({"ImageNet-val": "imagenet_val"}.get(request.param, request.param))
    n_samples, n_concepts = data.labels.shape
    activations = data.activations[:, :N_UNITS]
    layer = Activations.from_array(activations).layers["activations"]
    units = layer.read(0, N_UNITS)
    atoms, index = index_by_atoms(data.concepts.bits, n_samples)
    sizes = sizes_within(SETTINGS.min_fraction, SETTINGS.max_fraction, n_samples)
    found = SimpleNamespace(
        structure=request.param,
        activations=activations,
        concepts=data.concepts,
        layer=layer,
        units=units,
        atoms=atoms,
        index=index,
        sums=rank_sums(units, atoms)[0],
        limits=Limits(SETTINGS.length, SETTINGS.beam, n_samples, *sizes, 1.0, n_concepts),
        found=BeamSearch(data.concepts, SETTINGS).explain(units),
        rows=LabelRows(
            Workload(data.concepts, ((layer, range(N_UNITS)),), None),
            SETTINGS,
            n_formulas(n_concepts, SETTINGS.length),
        ),
    )
    written(found)  # the names of all concepts are formatted once
    return found


def table(made):
    return made.rows.table(made.found, [("layer", unit) for unit in range(N_UNITS)])


def written(made):
    text = LabelText(table(made))
    return text.csv(), text.jsonl()


STAGES = {
    "read and transpose": lambda made: made.layer.read(0, N_UNITS),
    "rank, ties and sums over atoms": lambda made: rank_sums(made.units, made.atoms),
    "sums over all concepts": lambda made: concept_sums(made.sums, made.index, made.index.dense),
    "beam search, sums over all concepts included": lambda made: search_units(
        made.sums, made.index, np.ones((1, made.limits.n_searched), np.bool_), made.limits
    ),
    "p-values and columns": table,
    "p-values, columns, and their text": written,
    "all of `label`, index included": lambda made: label(
        made.activations, made.concepts, settings=SETTINGS, jobs=1
    ),
}


def test_stages(alternate, made):
    ways = [Way(stage, lambda stage=stage: STAGES[stage](made), part=N_UNITS) for stage in STAGES]
    once = Way(
        "merge samples into atoms, index",
        lambda: index_by_atoms(made.concepts.bits, made.concepts.n_samples),
        remark=f"once for all units; {made.atoms.sizes.size:,} atoms",
    )
    alternate(made.structure, [*ways, once], table="stages")
