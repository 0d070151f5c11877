"""How much of a score is left on held-out samples: of noise, and of concepts that are planted.

Run it with ``python -m bench.fading``. Nothing depends on threads.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from invert_core import Settings, label
from invert_core.results.columns import Label
from invert_core.results.verdicts import FADES_ABOVE, FADES_BELOW

OBJECTIVES = ("auc", "phi", "iou")
"""`f1` finds the same labels as `iou`, so it is left out."""
N_CONCEPTS = 30
N_UNITS = 600
HOLDOUT = 0.3
SMALL = 0.05
"""The largest `p_search` of planted units that count, and the largest `p_held_out` that is small.
"""


@dataclass(frozen=True)
class Left:
    """Of a number of headlines: how many fade, and what is left of their scores.

    `n_small` and `n_fade_small` count those with a small `p_held_out`: of all, and of those that
    fade. `quartiles` are those of the share of the score that is left, of the AUC the share of
    what exceeds 0.5; there are none if there are no headlines.
    """

    n_labels: int
    n_fade: int
    n_small: int
    n_fade_small: int
    quartiles: tuple[float, ...]


def left(n_samples: int, n_units: int, shift: float) -> dict[tuple[str, str], Left]:
    """Label units that are noise, and higher by `shift` where one of the concepts is true.

    Returns what is left by objective and by what the headline is: `noise`, of which all count, or,
    of planted units with a small `p_search`, the `planted` concept or `another` formula.
    """
    random = np.random.default_rng((16, n_samples))
    marks = random.random((n_samples, N_CONCEPTS)) < np.geomspace(0.02, 0.4, N_CONCEPTS)
    units = random.normal(size=(n_samples, n_units)).astype(np.float32)
    units += shift * marks[:, np.arange(n_units) % N_CONCEPTS]
    concepts = {f"c{number}": column for number, column in enumerate(marks.T)}
    settings = Settings(objective=",".join(OBJECTIVES), permutations=200 if shift else 0)
    groups: dict[tuple[str, str], list[Label]] = {
        (objective, kind): []
        for objective in OBJECTIVES
        for kind in (("planted", "another") if shift else ("noise",))
    }
    for row in label(units, concepts, settings=settings, holdout=HOLDOUT):
        if row.headline and row.p_held_out is not None:
            if not shift:
                groups[row.objective, "noise"].append(row)
            elif row.p_search <= SMALL:
                is_planted = row.formula == f"c{row.unit % N_CONCEPTS}"
                groups[row.objective, "planted" if is_planted else "another"].append(row)
    return {key: _left(rows) for key, rows in groups.items()}


def _left(rows: Sequence[Label]) -> Left:
    fade = [row for row in rows if _fades(row)]
    shares = [_share(row) for row in rows]
    return Left(
        len(rows),
        len(fade),
        sum(row.p_held_out <= SMALL for row in rows),
        sum(row.p_held_out <= SMALL for row in fade),
        tuple(np.quantile(shares, [0.25, 0.5, 0.75]).tolist()) if shares else (),
    )


def _fades(row: Label) -> bool:
    """Return whether a label would fade if chance, which a verdict names first, were no matter."""
    return row.optimism > FADES_ABOVE if row.objective == "auc" else _share(row) < FADES_BELOW


def _share(row: Label) -> float:
    if row.objective == "auc":
        return (row.auc_held_out - 0.5) / (row.auc - 0.5)
    return row.score_held_out / row.score


def _percent(count: int, total: int) -> str:
    return f"{count / total:.1%}" if total else ""


def main() -> None:
    """Print a table."""
    print("| label | shift | samples | objective | labels | fade | p small | of fading | left |")
    print("| --- " * 9 + "|")
    for shift in (0.0, 0.5, 1.0, 2.0):
        for n_samples in (1_200, 8_000):
            for (objective, kind), found in left(n_samples, N_UNITS, shift).items():
                cells = (
                    kind,
                    f"{shift:g}",
                    f"{n_samples:,}",
                    objective,
                    str(found.n_labels),
                    _percent(found.n_fade, found.n_labels),
                    _percent(found.n_small, found.n_labels),
                    _percent(found.n_fade_small, found.n_fade),
                    ", ".join(f"{each:.2f}" for each in found.quartiles),
                )
                print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
