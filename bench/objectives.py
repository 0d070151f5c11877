"""What each objective finds of planted units, and what several objectives cost.

Run it with ``python -m bench.objectives [planted|cost]``. Nothing depends on threads.
"""

import sys
import time
from collections.abc import Callable

import numpy as np

from bench.structures import imagenet_val
from bench.truth.agreement import Rule, jaccard
from bench.validity import labels
from bench.validity.study import round_percent
from invert_core import ConceptSet, Formula, Settings, label
from invert_core.formula.syntax import quote_id

N_SAMPLES = 40_000
N_UNITS = 16
OBJECTIVES = ("auc", "correlation", "phi", "iou", "mad", "pearson", "top")
WITH_HEADLINE = ("auc", "phi")
"""The objectives of a labelling unless told otherwise, of which the headline is compared, too."""
SHIFT = 1.0
"""How much higher activations are where the planted formula is true, in standard deviations."""
SHARES = (0.0025, 0.01, 0.05)
"""The shares of samples on which planted concepts are true, about."""
OF_DIFFERENCE = 0.05
"""The share of samples on which a & ~b is true, about."""
PARTS = (0.2, 0.8)
"""The least and the largest part of a that b takes away."""
N_FORMULAS = 4
"""How many formulas of each kind are planted, in as many units each."""


def independent() -> ConceptSet:
    """Return concepts that have nothing to do with each other, on 0.2 to 10 % and on half."""
    random = np.random.default_rng(16)
    shares = np.append(np.geomspace(0.002, 0.1, 601), 0.5)
    marks = random.random((N_SAMPLES, shares.size)) < shares
    return ConceptSet.from_arrays(marks, [f"c{number}" for number in range(shares.size)])


STRUCTURES: dict[str, Callable[[], ConceptSet | None]] = {
    "independent": independent,
    "WordNet": lambda: found.concepts if (found := labels.wordnet()) else None,
    "ImageNet-like": lambda: labels.imagenet().concepts,
}
"""Labels of samples; None if the data are not here."""


def formulas(concepts: ConceptSet) -> dict[str, list[str]]:
    """Return the formulas to plant, by kind: those whose shares are nearest to the wanted one."""
    ids = [quote_id(id) for id in concepts.id]
    chosen = {
        f"concept on {round_percent(share)}": list(map(quote_id, nearest(concepts, share)))
        for share in SHARES
    }
    chosen[f"a & ~b on {round_percent(OF_DIFFERENCE)}"] = [
        f"{ids[a]} & ~{ids[b]}" for a, b in differences(concepts)
    ]
    return chosen


def nearest(concepts: ConceptSet, share: float) -> list[str]:
    """Return the ids of the concepts whose shares of the samples are nearest to this one."""
    off = abs(np.log(concepts.n_positive / concepts.n_samples / share))
    return [concepts.id[concept] for concept in np.argsort(off)[:N_FORMULAS]]


def differences(concepts: ConceptSet) -> list[tuple[int, int]]:
    """Return pairs of concepts a and b, each a once, that make a & ~b the share asked for."""
    marks = concepts.dense()
    shares = concepts.n_positive / concepts.n_samples
    low, high = (OF_DIFFERENCE / (1 - part) for part in PARTS)
    found = []
    for a in np.flatnonzero((shares >= low) & (shares <= high)):
        inside = marks[marks[:, a]].mean(axis=0)
        left = shares[a] * (1 - inside)
        off = np.where((inside >= PARTS[0]) & (inside <= PARTS[1]), abs(left - OF_DIFFERENCE), 1)
        b = int(np.argmin(off))
        found.append((off[b], int(a), b))
    return [(a, b) for _, a, b in sorted(found)[:N_FORMULAS]]


def planted() -> None:
    """Print the mean Jaccard index of the best formula with what was planted, and how many are it.

    The best formula is the row of rank 1, by the objective alone, or the headline.
    """
    titles = [*OBJECTIVES, *(f"{objective}, headline" for objective in WITH_HEADLINE)]
    print("| labels | planted, shift 1 | " + " | ".join(titles) + " |")
    print("| --- | --- |" + " --- |" * len(titles))
    for name, make in STRUCTURES.items():
        concepts = make()
        if concepts is None:
            print(f"{name} is left out: {labels.absent((name,))[0]}", file=sys.stderr)
            continue
        for number, (kind, of_kind) in enumerate(formulas(concepts).items()):
            random = np.random.default_rng((16, number))
            cells = recovered(concepts, of_kind, random)
            print(f"| {name} | {kind} | " + " | ".join(cells) + " |", flush=True)


def recovered(concepts: ConceptSet, planted: list[str], random: np.random.Generator) -> list[str]:
    """Return a cell for each objective and headline, given what the units detect in turn."""
    extents = [Formula.parse(formula).evaluate(concepts) for formula in planted]
    truth = [extents[unit % len(extents)] for unit in range(N_UNITS)]
    units = activations(truth, random)
    settings = Settings(objective=OBJECTIVES, permutations=0, evidence=False)
    found = label(units, concepts, settings=settings, jobs=1)
    cells = []
    for objective, takes_headline in [
        *((objective, False) for objective in OBJECTIVES),
        *((objective, True) for objective in WITH_HEADLINE),
    ]:
        rows = Rule(objective, takes_headline).chosen(found).values()
        shares = [jaccard(found.extent(row), truth[row.unit]) for row in rows]
        cells.append(f"{np.mean(shares):.2f} ({sum(share == 1 for share in shares)})")
    return cells


def activations(truth: list[np.ndarray], random: np.random.Generator) -> np.ndarray:
    """Return units that are higher where their truth, bool [N], is true: float32 [N, K]."""
    noise = random.normal(size=(truth[0].size, len(truth)))
    return (noise + SHIFT * np.stack(truth, axis=1)).astype(np.float32)


def cost(n_units: int = 256, rounds: int = 5) -> None:
    """Print the processor time of labelling by AUC alone, and by AUC and phi."""
    data = imagenet_val(n_units)
    for permutations in (0, 200):
        seconds: dict[str, list[float]] = {"auc": [], "auc,phi": []}
        for turn in range(rounds + 1):
            for number, (objective, taken) in enumerate(seconds.items()):
                # Another seed each time, because null distributions are kept.
                seed = 2 * turn + number
                settings = Settings(objective=objective, permutations=permutations, seed=seed)
                begun = time.process_time()
                label(data.activations, data.concepts, settings=settings, jobs=1)
                if turn:  # the first turn compiles
                    taken.append(time.process_time() - begun)
        least = {name: min(taken) for name, taken in seconds.items()}
        each = ", ".join(f"{name} {1e3 * taken / n_units:.3f} ms" for name, taken in least.items())
        ratio = least["auc,phi"] / least["auc"]
        print(f"{permutations} permutations, a unit of {n_units}: {each}; ratio {ratio:.2f}")


STUDIES = {"planted": planted, "cost": cost}

if __name__ == "__main__":
    for study in sys.argv[1:] or STUDIES:
        STUDIES[study]()
