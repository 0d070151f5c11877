"""The images of the demo and their split.

As a script, this file writes `search.npz` and `held_out.npz` into `invert_core/demo/`.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

SEED = 0
DEMO = Path(__file__).resolve().parents[2] / "invert_core" / "demo"


@dataclass(frozen=True)
class Digits:
    """Scans of handwritten digits.

    `image` is uint8 [N, 8, 8] with values from 0 (paper) to 16 (ink). `digit`, int64 [N], is the
    digit that was written. `sample_id` [N] counts from 0 in scikit-learn's order. `searched`, bool
    [N], is true on the two thirds that train the network and on which formulas are searched; the
    others are held out.
    """

    image: np.ndarray
    digit: np.ndarray
    sample_id: np.ndarray
    searched: np.ndarray


def load(seed: int = SEED) -> Digits:
    """Load all 1,797 digits; the seed chooses two thirds of every class to be searched."""
    bunch = load_digits()
    digit = bunch.target
    rng = np.random.default_rng(seed)
    searched = np.zeros(len(digit), dtype=bool)
    for value in range(10):
        members = rng.permutation(np.flatnonzero(digit == value))
        searched[members[: round(len(members) * 2 / 3)]] = True
    sample_id = np.array([f"digit-{i:04d}" for i in range(len(digit))])
    return Digits(bunch.images.astype(np.uint8), digit, sample_id, searched)


def main() -> None:
    """Write the two parts as the network takes them: `image` [N, 1, 8, 8] and `sample_id`."""
    digits = load()
    for name, part in (("search", digits.searched), ("held_out", ~digits.searched)):
        image = digits.image[part][:, None]
        np.savez_compressed(DEMO / f"{name}.npz", image=image, sample_id=digits.sample_id[part])
        print(f"{name}.npz: {len(image)} images")


if __name__ == "__main__":
    main()
