"""The searches that are measured: a structure and settings, by name."""

from typing import NamedTuple

from invert_core import Settings

_PLAIN = {"objective": "auc", "evidence": False}
"""The other ways know the AUC only and give no evidence; what these cost is measured elsewhere."""


class Search(NamedTuple):
    """One workload of `n_units` units.

    The other ways search `units_of_others` units only, because they take long. `merged` says
    whether some samples agree in their labels, so that it pays to merge them.
    """

    structure: str
    settings: Settings
    n_units: int
    units_of_others: int
    merged: bool


SEARCHES = {
    "ImageNet-val, L=3, B=3": Search(
        "imagenet_val", Settings(length=3, beam=3, min_fraction=0.0005, **_PLAIN), 512, 512, True
    ),
    "ImageNet-val, L=10, B=50": Search(
        "imagenet_val", Settings(length=10, beam=50, min_fraction=0.0005, **_PLAIN), 512, 16, True
    ),
    "dense, L=3, B=3": Search("dense", Settings(length=3, beam=3, **_PLAIN), 512, 64, False),
    "mixed, L=3, B=3": Search("mixed", Settings(length=3, beam=3, **_PLAIN), 512, 64, False),
    "digits, L=3, B=3": Search("digits", Settings(length=3, beam=3, **_PLAIN), 30, 30, True),
    "Zipf, L=5, B=20": Search(
        "zipf", Settings(length=5, beam=20, min_fraction=0.0005, **_PLAIN), 32, 1, False
    ),
}
