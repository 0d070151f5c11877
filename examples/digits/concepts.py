"""The concepts of the demo: facts about the digit that was written and about its image.

As a script, this file writes `concepts.csv` and `names.csv` into `invert_core/demo/`.
"""

import csv
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from dataset import DEMO, Digits, load
from scipy import ndimage

INK = 7
"""The smallest value of a pixel that counts as inked when holes are counted."""

NUMERALS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

GROUPS = {
    "even": ("even", {0, 2, 4, 6, 8}, "even numbers"),
    "prime": ("prime", {2, 3, 5, 7}, "prime numbers"),
    "multiple_of_three": ("multiple of three", {0, 3, 6, 9}, "multiples of three"),
    "square": ("square number", {0, 1, 4, 9}, "squares of whole numbers"),
    "above_four": ("above four", {5, 6, 7, 8, 9}, "numbers above four"),
    "closed_loop": (
        "closed loop",
        {0, 6, 8, 9},
        "digits written with a closed loop; 4 is not, it is more often left open here",
    ),
    "straight_strokes": (
        "straight strokes",
        {1, 4, 7},
        "digits written with straight strokes only",
    ),
    "mirror_symmetric": (
        "mirror symmetric",
        {0, 3, 8},
        "digits whose printed form equals its mirror image top to bottom",
    ),
}


def _moments(image: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return total, first and central second moments of the ink, in half pixels [N].

    They are integers, so that a threshold falls on the same side on every machine.
    """
    y, x = 2 * np.mgrid[:8, :8] - 7
    total, sx, sy, sxx, sxy, syy = (
        (image * power).sum((1, 2)) for power in (1, x, y, x * x, x * y, y * y)
    )
    return total, sx, total * sxx - sx * sx, total * sxy - sx * sy, total * syy - sy * sy


def _ink(image: np.ndarray) -> np.ndarray:
    return image.sum((1, 2))


def _centre_column(image: np.ndarray) -> np.ndarray:
    total, sx, *_ = _moments(image)
    return sx / (2 * total)


def _width(image: np.ndarray) -> np.ndarray:
    total, _, xx, _, _ = _moments(image)
    return np.sqrt(xx) / (2 * total)


def _height(image: np.ndarray) -> np.ndarray:
    total, *_, yy = _moments(image)
    return np.sqrt(yy) / (2 * total)


def _slant(image: np.ndarray) -> np.ndarray:
    *_, xy, yy = _moments(image)
    return np.degrees(np.arctan2(-xy, yy))


def _upper_share(image: np.ndarray) -> np.ndarray:
    return image[:, :4].sum((1, 2)) / image.sum((1, 2))


def _middle(image: np.ndarray) -> np.ndarray:
    return image[:, 3:5, 3:5].mean((1, 2))


def _longest_row(image: np.ndarray) -> np.ndarray:
    return image.sum(2).max(1)


def _longest_column(image: np.ndarray) -> np.ndarray:
    return image.sum(1).max(1)


def _holes(image: np.ndarray) -> np.ndarray:
    """Count the areas of paper, connected by edges of pixels, that do not reach the border [N]."""
    paper = np.pad(image < INK, ((0, 0), (1, 1), (1, 1)), constant_values=True)
    return np.array([ndimage.label(one)[1] - 1 for one in paper])


@dataclass(frozen=True)
class Measure:
    """A function that gives a number per image, and the words that say what the number is."""

    of: Callable[[np.ndarray], np.ndarray]
    text: str
    unit: str = ""


MEASURES = {
    "ink": Measure(_ink, "sum of the 64 pixel values, each 0 (paper) to 16 (ink),"),
    "slant": Measure(
        _slant,
        "lean of the ink to the right of vertical, arctan(-cov(column, row) / var(row)),",
        "degrees",
    ),
    "width": Measure(_width, "standard deviation of the ink's column", "pixels"),
    "height": Measure(_height, "standard deviation of the ink's row", "pixels"),
    "column": Measure(
        _centre_column, "mean column of the ink, counted to the right from the middle,", "pixels"
    ),
    "upper": Measure(_upper_share, "share of the ink in the upper four rows"),
    "holes": Measure(
        _holes, f"number of holes in the pixels of value {INK} or more, by flood fill of the rest,"
    ),
    "middle": Measure(_middle, "mean value (0 to 16) of the four middle pixels"),
    "row": Measure(_longest_row, "largest sum of pixel values (0 to 128) over one row"),
    "vertical": Measure(_longest_column, "largest sum of pixel values (0 to 128) over one column"),
}

RELATIONS: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "at least": np.greater_equal,
    "at most": np.less_equal,
    "exactly": np.equal,
}

MEASURED = {
    "heavy_ink": ("ink", "at least", 340),
    "light_ink": ("ink", "at most", 280),
    "slanted_right": ("slant", "at least", 3),
    "slanted_left": ("slant", "at most", -8),
    "wide": ("width", "at least", 1.4),
    "narrow": ("width", "at most", 1.1),
    "tall": ("height", "at least", 2.4),
    "squat": ("height", "at most", 2.1),
    "right_of_centre": ("column", "at least", 0.3),
    "left_of_centre": ("column", "at most", -0.2),
    "top_heavy": ("upper", "at least", 0.58),
    "bottom_heavy": ("upper", "at most", 0.44),
    "one_hole": ("holes", "exactly", 1),
    "two_holes": ("holes", "exactly", 2),
    "dark_centre": ("middle", "at least", 14),
    "empty_centre": ("middle", "at most", 6),
    "horizontal_stroke": ("row", "at least", 70),
    "vertical_stroke": ("vertical", "at least", 105),
}


@dataclass(frozen=True)
class Concept:
    """One concept; `extent` is bool [N] over the samples."""

    id: str
    name: str
    definition: str
    extent: np.ndarray


def concepts(digits: Digits) -> list[Concept]:
    """Label every image with the ten classes, the groups of digits and the measured concepts."""
    found = [
        Concept(f"digit_{value}", name, f"the digit {value}", digits.digit == value)
        for value, name in enumerate(NUMERALS)
    ]
    for concept_id, (name, members, meaning) in GROUPS.items():
        definition = f"one of {', '.join(map(str, sorted(members)))}: {meaning}"
        found.append(Concept(concept_id, name, definition, np.isin(digits.digit, sorted(members))))
    image = digits.image.astype(np.int64)
    for concept_id, (measure_id, relation, threshold) in MEASURED.items():
        measure = MEASURES[measure_id]
        definition = f"{measure.text} {relation} {threshold} {measure.unit}".strip()
        extent = RELATIONS[relation](measure.of(image), threshold)
        found.append(Concept(concept_id, concept_id.replace("_", " "), definition, extent))
    return found


def _write(path: Path, rows: Iterable[Iterable[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def main() -> None:
    """Write the labels of all images and the table of names."""
    digits = load()
    found = concepts(digits)
    labels = np.array([concept.extent for concept in found], dtype=int).T
    _write(
        DEMO / "concepts.csv",
        [
            ["sample_id", *(concept.id for concept in found)],
            *([sample, *row] for sample, row in zip(digits.sample_id, labels, strict=True)),
        ],
    )
    _write(
        DEMO / "names.csv",
        [
            ["concept_id", "name", "definition"],
            *([concept.id, concept.name, concept.definition] for concept in found),
        ],
    )
    for concept in found:
        print(
            f"{concept.id:20} {concept.extent.mean():6.1%} of the images, "
            f"{concept.extent[digits.searched].mean():6.1%} of the search part, "
            f"{concept.extent[~digits.searched].mean():6.1%} of the held-out part"
        )


if __name__ == "__main__":
    main()
