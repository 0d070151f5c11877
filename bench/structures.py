"""Labels and activations to measure on, made from a seed."""

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

import numpy as np
from scipy import sparse

from invert_core import ConceptSet, open_activations, read_concepts
from invert_core.demo import run_demo
from invert_core.labelling.join import join

_BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data"
IMAGENET = Path(os.environ.get("INVERT_IMAGENET", _BESIDE / "imagenet_concepts" / "concepts.csv"))
"""An optional table of the hypernyms of the ImageNet classes;
`INVERT_IMAGENET` says where it is."""
N_SAMPLES = 50_000
N_CLASSES = 1_000
_N_ANCESTORS = 473
_LARGEST_PLANTED = 0.25
_N_ZIPF = 20_000
_DRAWS = 12


@dataclass(frozen=True)
class Data:
    """Activations float32 [N, K], and labels bool [N, C], which `concepts` holds as a set.

    The labels are a sparse array if a dense one would take a gigabyte.
    """

    activations: np.ndarray
    labels: np.ndarray | sparse.csr_array
    concepts: ConceptSet


@dataclass(frozen=True)
class Hierarchy:
    """Disjoint classes and the concepts above them.

    `labels` is bool [n_classes, C], the classes first; `made_of` says where they come from.
    """

    labels: np.ndarray
    id: tuple[str, ...]
    made_of: str


def hierarchy() -> Hierarchy:
    """Return 1,000 classes and 473 ancestors: ImageNet's if `IMAGENET` exists, else random ones."""
    return _imagenet_hierarchy(IMAGENET) if IMAGENET.is_file() else _random_hierarchy()


def imagenet_val(n_units: int) -> Data:
    """Return 50 samples of each of 1,000 classes, in random order."""
    rng = np.random.default_rng(0)
    classes = hierarchy()
    of_sample = rng.permutation(np.repeat(np.arange(N_CLASSES), N_SAMPLES // N_CLASSES))
    signal = planted(classes.labels, n_units, rng)[of_sample]
    return _data(relu(signal, rng), classes.labels[of_sample], classes.id)


def dense(n_units: int) -> Data:
    """Return 1,500 independent concepts, each on 20 % of the samples."""
    return _independent(np.full(1_500, 0.2), n_units)


def mixed(n_units: int) -> Data:
    """Return 100 concepts on 20 % of the samples and 1,400 on 0.05 to 1 %."""
    return _independent(
        np.concatenate([np.full(100, 0.2), np.geomspace(5e-4, 0.01, 1_400)]), n_units
    )


def zipf(n_units: int) -> Data:
    """Return 20,000 concepts, drawn twelve times a sample in proportion to 1 / rank.

    Hardly any two samples agree in their labels.
    """
    rng = np.random.default_rng(0)
    share = 1 / np.arange(1, _N_ZIPF + 1)
    drawn = rng.choice(_N_ZIPF, (N_SAMPLES, _DRAWS), p=share / share.sum())
    rows = np.repeat(np.arange(N_SAMPLES), _DRAWS)
    labels = sparse.csr_array(
        (np.ones(rows.size, np.bool_), (rows, drawn.ravel())), (N_SAMPLES, _N_ZIPF)
    )
    bits = np.zeros((_N_ZIPF, -(-N_SAMPLES // 64)), np.uint64)
    np.bitwise_or.at(
        bits, (drawn.ravel(), rows // 64), np.uint64(1) << (rows % 64).astype(np.uint64)
    )
    ids = tuple(f"c{number}" for number in range(_N_ZIPF))
    concepts = ConceptSet(
        bits=bits,
        n_samples=N_SAMPLES,
        id=ids,
        name=ids,
        definition=("",) * _N_ZIPF,
        sample_id=None,
        parents=np.zeros((0, 2), np.int64),
    )
    return Data(relu(planted(labels, n_units, rng), rng), labels, concepts)


def digits(folder: Path) -> Data:
    """Return the hidden layer of `invert demo` on the 1,198 images it searches, and 36 concepts."""
    run_demo(folder)
    with open_activations(folder / "activations.h5") as opened:
        _, concepts = join(
            opened.sample_id, opened.n_samples, read_concepts(folder / "concepts.h5"), "inner"
        )
        layer = opened.layers["relu3"]
        units = layer.read(0, layer.n_units)
    alive = units[np.ptp(units, axis=1) > 0]
    return Data(np.ascontiguousarray(alive.T), concepts.dense(), concepts)


def planted(
    labels: np.ndarray | sparse.csr_array, n_units: int, rng: np.random.Generator
) -> np.ndarray:
    """Return the signal of each unit, float32 [rows of `labels`, K].

    Every second unit detects a concept, or the union of two or three, each on at most a quarter of
    the rows, with a signal of half to three standard deviations of the noise. The other units
    detect nothing.
    """
    candidates = np.flatnonzero(labels.mean(axis=0) <= _LARGEST_PLANTED)
    signal = np.zeros((labels.shape[0], n_units), np.float32)
    for unit in range(0, n_units, 2):
        concepts = rng.choice(candidates, size=rng.integers(1, 4), replace=False)
        carried = labels[:, concepts].sum(axis=1) > 0
        signal[:, unit] = carried * rng.uniform(0.5, 3)
    return signal


def relu(signal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add normal noise to a signal and cut it off, so that 30 to 60 % of the noise becomes zero."""
    n_units = signal.shape[1]
    thresholds = [NormalDist().inv_cdf(share) for share in np.linspace(0.3, 0.6, n_units)]
    activations = rng.standard_normal(signal.shape, np.float32)
    activations += signal - np.array(thresholds, np.float32)
    return np.maximum(activations, 0, out=activations)


def _independent(densities: np.ndarray, n_units: int) -> Data:
    rng = np.random.default_rng(0)
    labels = rng.random((N_SAMPLES, densities.size), np.float32) < densities.astype(np.float32)
    signal = planted(labels, n_units, rng)
    return _data(relu(signal, rng), labels, [f"c{number}" for number in range(densities.size)])


def _data(activations: np.ndarray, labels: np.ndarray, ids: Sequence[str]) -> Data:
    return Data(activations, labels, ConceptSet.from_arrays(labels, ids))


def _imagenet_hierarchy(path: Path) -> Hierarchy:
    with path.open(encoding="utf-8", newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["is_class"] != "1")
    ids = tuple(row["concept_id"] for row in rows)
    place = {concept: number for number, concept in enumerate(ids)}
    labels = np.zeros((N_CLASSES, len(ids)), np.bool_)
    for number, row in enumerate(rows[:N_CLASSES]):
        labels[number, [number, *(place[above] for above in row["ancestors"].split())]] = True
    return Hierarchy(labels, ids, "the hypernyms of ImageNet's classes")


def _random_hierarchy() -> Hierarchy:
    """Draw a tree of ancestors; every leaf holds classes, and the root holds all of them."""
    rng = np.random.default_rng(0)
    numbers = np.arange(1, _N_ANCESTORS)
    parents = rng.integers(numbers // 10, numbers)
    above = np.eye(_N_ANCESTORS, dtype=np.bool_)
    for number, parent in zip(numbers, parents, strict=True):
        above[number] |= above[parent]
    leaves = np.setdiff1d(np.arange(_N_ANCESTORS), parents)
    others = rng.integers(0, _N_ANCESTORS, N_CLASSES - leaves.size)
    labels = np.concatenate(
        [np.eye(N_CLASSES, dtype=np.bool_), above[np.concatenate([leaves, others])]], axis=1
    )
    ids = [f"class{number}" for number in range(N_CLASSES)]
    ids += [f"group{number}" for number in range(_N_ANCESTORS)]
    return Hierarchy(labels, tuple(ids), "a random tree like that of ImageNet's classes")
