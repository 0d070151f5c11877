"""Real label structures, on which made-up units are labelled."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

import invert_core.demo
from bench import structures
from invert_core import ConceptSet, read_concepts
from invert_core.labelling.join import join

_BESIDE = Path(__file__).resolve().parents[3] / "shared"
WORDNET = Path(os.environ.get("INVERT_WORDNET", _BESIDE / "data" / "wordnet_minilm"))
"""An optional folder with glosses of WordNet and their hypernyms, `samples.csv` and `concepts.csv`;
`INVERT_WORDNET` says where it is."""
CLIPS = Path(os.environ.get("INVERT_CLIPS", _BESIDE / "cases" / "models"))
"""An optional folder with frames of audio clips, `grouped_activations.npz`, and concepts that are
random per clip, `grouped_noise_concepts.csv`; `INVERT_CLIPS` says where it is."""
_DEMO = Path(invert_core.demo.__file__).parent
_SMALLEST_IMAGENET = 0.0005
"""Half of the 50 samples that a class of the ImageNet-like structure has."""


@dataclass(frozen=True)
class Structure:
    """Labels of real data; `min_fraction` suits the size of their concepts."""

    concepts: ConceptSet
    min_fraction: float


def wordnet() -> Structure | None:
    """Return 20,000 glosses of nouns with 648 hypernyms, or None if `WORDNET` does not exist."""
    if not WORDNET.is_dir():
        return None
    found = read_concepts(WORDNET / "samples.csv", WORDNET / "concepts.csv")
    return Structure(replace(found, sample_id=None), 0.002)


def digits() -> Structure:
    """Return the 1,198 images that `invert demo` searches, with 36 concepts."""
    concepts = read_concepts(_DEMO / "concepts.csv", _DEMO / "names.csv")
    with np.load(_DEMO / "search.npz") as data:
        ids = tuple(data["sample_id"].tolist())
    _, joined = join(ids, len(ids), concepts, "inner")
    return Structure(replace(joined, sample_id=None), 0.002)


def imagenet() -> Structure:
    """Return 50 samples of each of 1,000 classes, with the classes and all that is above them."""
    return _of_classes(structures.hierarchy().labels)


def classes() -> Structure:
    """Return the same samples with the 1,000 classes alone, which are disjoint."""
    return _of_classes(structures.hierarchy().labels[:, : structures.N_CLASSES])


def _of_classes(labels: np.ndarray) -> Structure:
    each = structures.N_SAMPLES // structures.N_CLASSES
    of_sample = np.repeat(np.arange(structures.N_CLASSES), each)
    ids = [f"c{number}" for number in range(labels.shape[1])]
    return Structure(ConceptSet.from_arrays(labels[of_sample], ids), _SMALLEST_IMAGENET)


STRUCTURES = {
    "WordNet": wordnet,
    "digits": digits,
    "ImageNet-like": imagenet,
    "disjoint classes": classes,
}


@cache
def structure(name: str) -> Structure | None:
    """Return one of `STRUCTURES`; None if its data are not here."""
    return STRUCTURES[name]()


def structures_of(names: Sequence[str]) -> Iterator[tuple[str, Structure]]:
    """Yield the name of each structure whose data are here, and the structure."""
    for name in names:
        found = structure(name)
        if found is not None:
            yield name, found


def absent(names: tuple[str, ...]) -> list[str]:
    """Say which data of a study are missing, a sentence for each."""
    optional = {"WordNet": (WORDNET, "INVERT_WORDNET"), "clips": (CLIPS, "INVERT_CLIPS")}
    return [
        f"{name} is left out: {folder} does not exist. {variable} can name another folder."
        for name, (folder, variable) in optional.items()
        if name in names and not folder.is_dir()
    ]
