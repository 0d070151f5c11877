"""Records of the AUC of single concepts, one for each unit."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

SCALE = 65_534
"""What an AUC of 1 is stored as, so that 1/2 is stored exactly, too."""
UNDEFINED = 65_535
"""What is stored for a concept that has no AUC."""
N_EXTREME = 50
NO_CONCEPT = 2**32 - 1
"""Fills up lists of concepts."""
MOST_NUMBERS = 10**7
"""With more concepts times units, only the extreme concepts of each unit are kept."""

HIGHEST, LOWEST = "highest", "lowest"


def keeps_all(n_concepts: int, n_units: int) -> bool:
    """Return whether the AUC of every concept is kept for every unit."""
    return n_concepts * n_units <= MOST_NUMBERS


def concept_type(n_concepts: int, n_units: int) -> np.dtype:
    """Return the type of the record of a unit; docs/file-formats.md says what the fields mean."""
    if keeps_all(n_concepts, n_units):
        return np.dtype([("auc", "<u2", (n_concepts,))])
    lists = ((name, f"{name}_auc") for name in (HIGHEST, LOWEST))
    return np.dtype(
        [
            one
            for concept, auc in lists
            for one in ((concept, "<u4", (N_EXTREME,)), (auc, "<u2", (N_EXTREME,)))
        ]
    )


@dataclass(frozen=True, eq=False)
class ConceptEvidence:
    """The AUC of single concepts for the units of a run.

    Attributes
    ----------
    n_positive, n_defined : uint32 [C]
        On how many samples each concept is true, and on how many it is defined.
    records : dict of str to array [U, ...]
        The fields of `concept_type` for each unit; docs/file-formats.md says what they mean.
    """

    n_positive: np.ndarray
    n_defined: np.ndarray
    records: Mapping[str, np.ndarray]

    @property
    def n_units(self) -> int:
        """Number of units."""
        return len(next(iter(self.records.values())))

    def of_unit(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the concepts of unit `number`, int64 [k], and their AUC, the highest first."""
        if "auc" in self.records:
            concept = np.arange(self.n_positive.size)
            auc = decoded(self.records["auc"][number])
        else:
            listed, of_listed = (
                np.concatenate(
                    [self.records[f"{name}{field}"][number] for name in (HIGHEST, LOWEST)]
                )
                for field in ("", "_auc")
            )
            # With few concepts, one can be in both lists.
            concept, first = np.unique(listed[listed != NO_CONCEPT], return_index=True)
            auc = decoded(of_listed[listed != NO_CONCEPT][first])
        has_one = np.flatnonzero(~np.isnan(auc))
        order = has_one[np.argsort(-auc[has_one], kind="stable")]
        return concept[order].astype(np.int64), auc[order]


def decoded(stored: np.ndarray) -> np.ndarray:
    """Return the AUC, float64, of what is stored for it, uint16; NaN for a concept without one.

    >>> decoded(np.array([0, 32_767, 65_534, 65_535])).tolist()
    [0.0, 0.5, 1.0, nan]
    """
    return np.where(stored == UNDEFINED, np.nan, stored / SCALE)
