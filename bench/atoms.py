"""Merged samples and their ranks, as one would make them with NumPy and polars.

Samples with equal labels are one atom, and all formulas are unions of atoms. So whoever sums the
ranks of each atom once can search over atoms instead of samples, whatever the way of searching.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars
from scipy import sparse, special

_UNITS_AT_ONCE = 64


class Atoms(NamedTuple):
    """Groups of samples with equal labels.

    `of_sample` [N] is the atom of each sample, `sizes` float64 [S] the number of samples of each
    atom, and `labels` bool [S, C] their labels, an array or a sparse array.
    """

    of_sample: np.ndarray
    sizes: np.ndarray
    labels: np.ndarray | sparse.csr_array


def merge(labels: np.ndarray) -> Atoms:
    """Merge samples with equal labels, bool [N, C]."""
    packed = np.packbits(labels, axis=1)
    _, first, of_sample, sizes = np.unique(
        packed, axis=0, return_index=True, return_inverse=True, return_counts=True
    )
    if first.size == len(labels):
        return single(labels)
    return Atoms(of_sample, sizes.astype(np.float64), labels[first])


def single(labels: np.ndarray | sparse.csr_array) -> Atoms:
    """Take each sample for an atom of its own, where hardly any two agree."""
    n_samples = labels.shape[0]
    return Atoms(np.arange(n_samples), np.ones(n_samples), labels)


def rank_sums(activations: np.ndarray, atoms: Atoms) -> np.ndarray:
    """Return the sum of the midranks of each atom, float64 [K, S], of activations [N, K]."""
    return _sums(_ranks(activations), atoms)


def mann_whitney(activations: np.ndarray, atoms: Atoms, way) -> tuple[np.ndarray, np.ndarray]:
    """Return AUC and two-sided p-values [K, C] by the normal approximation."""
    found = []
    for units in _blocks(activations):
        ranks = _ranks(units)
        sums = way.of_all(_sums(ranks, atoms))
        found.append(_tests(sums, way.sizes, ranks))
    return tuple(np.concatenate(of_blocks) for of_blocks in zip(*found, strict=True))


def mann_whitney_of_classes(
    activations: np.ndarray, classes: np.ndarray, sizes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the same for disjoint classes, by `rank` and `group_by` of polars.

    `classes` [N] is the number of the class of each sample, and `sizes` has the size of each.
    """
    found = []
    for units in _blocks(activations):
        ranks = _ranks(units)
        by_class = ranks.with_columns(polars.Series("class", classes)).group_by("class")
        sums = by_class.agg(polars.all().sum()).sort("class").drop("class").to_numpy().T
        found.append(_tests(sums, sizes, ranks))
    return tuple(np.concatenate(of_blocks) for of_blocks in zip(*found, strict=True))


def auc_of(n_positive, rank_sum, n_samples):
    return (rank_sum - n_positive * (n_positive + 1) / 2) / (n_positive * (n_samples - n_positive))


def _blocks(activations: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, activations.shape[1], _UNITS_AT_ONCE):
        yield activations[:, start : start + _UNITS_AT_ONCE]


def _ranks(activations: np.ndarray) -> polars.DataFrame:
    units = polars.DataFrame({f"{unit}": values for unit, values in enumerate(activations.T)})
    return units.select(polars.all().rank("average"))


def _sums(ranks: polars.DataFrame, atoms: Atoms) -> np.ndarray:
    n_atoms = len(atoms.sizes)
    if n_atoms == len(ranks):
        return ranks.to_numpy().T
    return np.array([np.bincount(atoms.of_sample, of_unit, n_atoms) for of_unit in ranks])


def _tests(sums, sizes, ranks):
    """Return AUC and p-values of rank sums [K, C] of sets of `sizes` [C]."""
    n = len(ranks)
    variance = ranks.select(polars.all().var()).to_numpy().ravel()
    pairs = sizes * (n - sizes)
    auc = auc_of(sizes, sums, n)
    distance = np.abs(auc - 0.5) * pairs - 0.5
    return auc, np.minimum(1, 2 * special.ndtr(-distance / np.sqrt(variance[:, None] / n * pairs)))
