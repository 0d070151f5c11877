"""How much of the score of the highest samples is left on held-out ones: of noise, and planted.

Run it with ``python -m bench.fading``. Nothing depends on threads.
"""

from dataclasses import dataclass

import numpy as np

from invert_core import Settings, label
from invert_core.results.verdicts import FADES_BELOW
from invert_core.settings import OF_HIGHEST

N_CONCEPTS = 30
HOLDOUT = 0.3


@dataclass(frozen=True)
class Left:
    """Of the headlines of units: shares that fade and that have a small p, and what is left.

    `left` are the quartiles of `score_held_out` over `score`.
    """

    n_units: int
    fades: float
    significant: float
    left: tuple[float, float, float]


def left(objective: str, n_samples: int, n_units: int, shift: float) -> Left:
    """Label units that are noise, and higher by `shift` where one of the concepts is true.

    Of noise all headlines count; of planted units those whose `p_search` is at most 0.05.
    """
    random = np.random.default_rng((16, n_samples))
    marks = random.random((n_samples, N_CONCEPTS)) < np.geomspace(0.02, 0.4, N_CONCEPTS)
    units = random.normal(size=(n_samples, n_units)).astype(np.float32)
    units += shift * marks[:, np.arange(n_units) % N_CONCEPTS]
    concepts = {f"c{number}": column for number, column in enumerate(marks.T)}
    settings = Settings(objective=objective, permutations=200 if shift else 0)
    found = label(units, concepts, settings=settings, holdout=HOLDOUT)
    rows = [row for row in found if row.headline and (row.p_search <= 0.05 or not shift)]
    tested = [row for row in rows if row.score_held_out is not None]
    share = np.array([row.score_held_out / row.score for row in tested])
    return Left(
        len(tested),
        float(np.mean(share < FADES_BELOW)),
        float(np.mean([row.p_held_out < 0.05 for row in tested])),
        tuple(np.quantile(share, [0.25, 0.5, 0.75]).tolist()),
    )


def main() -> None:
    """Print a table."""
    print("| units | samples | objective | labels | fade | p held out < .05 | left: quartiles |")
    print("| --- " * 7 + "|")
    for name, shift, n_units in (("noise", 0.0, 200), ("planted, shift 2", 2.0, 90)):
        for n_samples in (1_200, 8_000):
            for objective in OF_HIGHEST:
                found = left(objective, n_samples, n_units, shift)
                quartiles = ", ".join(f"{each:.2f}" for each in found.left)
                print(
                    f"| {name} | {n_samples:,} | {objective} | {found.n_units} "
                    f"| {found.fades:.1%} | {found.significant:.1%} | {quartiles} |"
                )


if __name__ == "__main__":
    main()
