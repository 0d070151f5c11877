"""Whether an objective falls if labels get worse: the sanity checks of Oikarinen et al., ICML 2025.

A unit of known meaning is explained by its true concept, by this concept with half of its labels
missing, and by this concept with as many wrong labels added as it has. An objective by which the
last two are as good as the first cannot tell a formula that is too narrow, or too broad, from the
right one.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from bench import objectives
from bench.truth.outputs import Outputs
from bench.validity.study import round_percent
from invert_core import Activations, ConceptSet, Settings, label

OBJECTIVES = ("auc", "correlation", "pearson", "phi", "f1", "iou")
CHECKS = ("missing", "extra")
_SPAN = {"auc": 1.0, "correlation": 2.0, "pearson": 2.0, "phi": 2.0, "f1": 1.0, "iou": 1.0}
"""The largest possible value of each objective minus the smallest."""
_LEAST_FALL = 0.001
"""The least fall that counts, as a share of the span."""
_DRAWS = 10
"""How often labels are taken away and added for each unit."""
_TRUTH = "truth"


def planted() -> Iterator[tuple[str, Outputs]]:
    """Yield units in which concepts are planted that are far from the only cause of activations."""
    concepts = objectives.independent()
    for share in objectives.SHARES:
        ids = objectives.nearest(concepts, share)
        truth = [concepts.extent(ids[unit % len(ids)]) for unit in range(objectives.N_UNITS)]
        values = objectives.activations(truth, np.random.default_rng(0))
        made = Activations.from_array(values)
        (layer,) = made.layers
        meant = {unit: ids[unit % len(ids)] for unit in range(objectives.N_UNITS)}
        name = f"concept on {round_percent(share)} of the samples"
        yield name, Outputs(made, {"shift 1": layer}, concepts, meant)


def worsened(truth: np.ndarray, check: str, rng: np.random.Generator) -> np.ndarray:
    """Return an extent, bool [N], without half of its samples or with about as many others."""
    if check == "missing":
        return truth & (rng.random(truth.size) < 0.5)
    n_inside = np.count_nonzero(truth)
    return truth | (rng.random(truth.size) < n_inside / (truth.size - n_inside))


def shares_fallen(outputs: Outputs, layer: str, seed: int = 0) -> Mapping[tuple[str, str], float]:
    """Return in which share of the cases each objective falls, by objective and check."""
    fallen: dict[tuple[str, str], list[bool]] = {}
    for scores in scores_of(outputs, layer, np.random.default_rng(seed)):
        for (objective, concept), score in scores.items():
            if concept != _TRUTH:
                fall = (scores[objective, _TRUTH] - score) / _SPAN[objective]
                check = concept.partition(" ")[0]
                fallen.setdefault((objective, check), []).append(fall > _LEAST_FALL)
    return {case: float(np.mean(of_case)) for case, of_case in fallen.items()}


def scores_of(
    outputs: Outputs, layer: str, rng: np.random.Generator
) -> Iterator[Mapping[tuple[str, str], float]]:
    """Yield the value of each objective for each concept of a unit, unit by unit."""
    extents = dict(zip(outputs.concepts.id, outputs.concepts.dense().T, strict=True))
    names = [_TRUTH, *(f"{check} {draw}" for check in CHECKS for draw in range(_DRAWS))]
    settings = Settings(
        length=1,
        beam=2 * len(names),  # every concept and its negation
        min_fraction=0.0,
        max_fraction=1.0,
        permutations=0,
        evidence=False,
        objective=OBJECTIVES,
    )
    for unit, concept in outputs.truth.items():
        truth = extents[concept]
        drawn = [truth, *(worsened(truth, name.partition(" ")[0], rng) for name in names[1:])]
        concepts = ConceptSet.from_arrays(np.stack(drawn, axis=1), names)
        rows = label(
            outputs.activations, concepts, layers=[layer], units=[unit], settings=settings, jobs=1
        )
        found = {(row.objective, row.formula.strip('"')): row.score for row in rows}
        yield {of: score for of, score in found.items() if not of[1].startswith("~")}
