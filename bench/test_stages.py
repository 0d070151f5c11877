"""The stages of labelling one unit, in one thread: means over a block of units."""

from types import SimpleNamespace

import pytest

from invert_core import Activations, Settings, label
from invert_core.executors.threads import Threads
from invert_core.kernels.beam import search_units
from invert_core.kernels.candidates import Limits
from invert_core.kernels.ranks import rank_sums
from invert_core.kernels.sums import concept_sums, index_by_atoms
from invert_core.labelling.label_rows import LabelRows
from invert_core.labelling.workload import Workload
from invert_core.search.beam_search import BeamSearch
from invert_core.search.complete_search import sizes_within
from invert_core.statistics.corrections import n_formulas

N_UNITS = 64
SETTINGS = Settings(length=3, beam=3)


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
    return SimpleNamespace(
        structure=request.param,
        activations=activations,
        concepts=data.concepts,
        layer=layer,
        units=units,
        atoms=atoms,
        index=index,
        sums=rank_sums(units, atoms)[0],
        limits=Limits(SETTINGS.length, SETTINGS.beam, *sizes, 1.0, n_concepts),
        pieces=list(Threads(1).pieces(BeamSearch(data.concepts, SETTINGS), [units])),
        rows=LabelRows(
            Workload(data.concepts, ((layer, range(N_UNITS)),), None),
            n_formulas(n_concepts, SETTINGS.length),
        ),
    )


def rows(made):
    for piece in made.pieces:
        list(made.rows.of_piece(piece, [("layer", unit) for unit in range(len(piece))]))


STAGES = {
    "read and transpose": lambda made: made.layer.read(0, N_UNITS),
    "rank, ties and sums over atoms": lambda made: rank_sums(made.units, made.atoms),
    "sums over all concepts": lambda made: concept_sums(made.sums, made.index),
    "beam search, sums over all concepts included": lambda made: search_units(
        made.sums, made.concepts.n_samples, made.index, made.limits
    ),
    "p-values and rows": rows,
    "all of `label`, index included": lambda made: label(
        made.activations, made.concepts, settings=SETTINGS, jobs=1
    ),
}


@pytest.mark.parametrize("stage", STAGES)
def test_stage(measure, made, stage):
    measure(
        made.structure,
        stage,
        lambda: STAGES[stage](made),
        lambda found: None,
        rounds=5,
        part=N_UNITS,
        table="stages",
    )


def test_index(measure, made):
    measure(
        made.structure,
        "merge samples into atoms, index",
        lambda: index_by_atoms(made.concepts.bits, made.concepts.n_samples),
        lambda found: None,
        remark=f"once for all units; {made.atoms.sizes.size:,} atoms",
        table="stages",
    )
