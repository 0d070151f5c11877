"""What each objective finds of planted units, and what several objectives cost.

Run it with ``python -m bench.objectives [planted|cost]``. Nothing depends on threads.
"""

import sys
import time

import numpy as np

from bench.structures import imagenet_val
from invert_core import ConceptSet, Formula, Settings, label

N_SAMPLES = 40_000
N_UNITS = 16
OBJECTIVES = ("auc", "correlation", "phi", "iou", "mad", "pearson", "top")
SHARES = np.concatenate([np.geomspace(0.002, 0.1, 597), [0.0025, 0.01, 0.05]])
"""The shares of samples on which the concepts are true; the last three are planted."""
SHIFT = 1.0
"""How much higher activations are where the planted formula is true, in standard deviations."""
PLANTED = {
    "concept on 0.25 %": "c597",
    "concept on 1 %": "c598",
    "concept on 5 %": "c599",
    "a & ~b on 5 %": "c600 & ~c601",
}


def concepts(random: np.random.Generator) -> ConceptSet:
    """Return independent concepts, and two of which one is to be taken off the other."""
    marks = random.random((N_SAMPLES, SHARES.size)) < SHARES
    broad = random.random((N_SAMPLES, 2)) < (0.1, 0.5)
    marks = np.concatenate([marks, broad], axis=1)
    return ConceptSet.from_arrays(marks, [f"c{number}" for number in range(marks.shape[1])])


def planted() -> None:
    """Print the mean Jaccard index of the best formula with what was planted, and how many are it.

    The best formula is the row of rank 1, by the objective alone.
    """
    print("| planted, shift 1 | " + " | ".join(OBJECTIVES) + " |")
    print("| --- |" + " --- |" * len(OBJECTIVES))
    for number, (name, formula) in enumerate(PLANTED.items()):
        random = np.random.default_rng((16, number))
        made = concepts(random)
        truth = Formula.parse(formula).evaluate(made)
        units = random.normal(size=(N_SAMPLES, N_UNITS)) + SHIFT * truth[:, None]
        settings = Settings(objective=OBJECTIVES, permutations=0)
        found = label(units.astype(np.float32), made, settings=settings)
        cells = []
        for objective in OBJECTIVES:
            rows = [row for row in found if row.objective == objective and row.rank == 1]
            extents = [found.extent(row) for row in rows]
            jaccard = [(one & truth).sum() / (one | truth).sum() for one in extents]
            n_same = sum(np.array_equal(one, truth) for one in extents)
            cells.append(f"{np.mean(jaccard):.2f} ({n_same})")
        print(f"| {name} | " + " | ".join(cells) + " |")


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
