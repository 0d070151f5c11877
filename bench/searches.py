"""The searches that are measured: a structure and settings, by name."""

from typing import NamedTuple

from invert_core import Settings


class Search(NamedTuple):
    """One workload; the other ways search `units_of_others` units only, because they take long."""

    structure: str
    settings: Settings
    units_of_others: int


SEARCHES = {
    "ImageNet-val, L=3, B=3": Search(
        "imagenet_val", Settings(length=3, beam=3, min_fraction=0.0005), 64
    ),
    "ImageNet-val, L=10, B=50": Search(
        "imagenet_val", Settings(length=10, beam=50, min_fraction=0.0005), 2
    ),
    "dense, L=3, B=3": Search("dense", Settings(length=3, beam=3), 64),
    "mixed, L=3, B=3": Search("mixed", Settings(length=3, beam=3), 64),
    "digits, L=3, B=3": Search("digits", Settings(length=3, beam=3), 64),
}
