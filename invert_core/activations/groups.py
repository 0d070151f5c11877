"""Groups of samples that belong together, such as the frames of a clip."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from invert_core.errors import DataError
from invert_core.values import check_text, locate, sample_name

SPELLINGS = "Write --groups TABLE.csv:COLUMN, or --groups 'id:(.*)/.*' for a part of the ids."
"""The hint of errors about groups."""


@dataclass(frozen=True, eq=False)
class Groups:
    """The group of every sample.

    Parameters
    ----------
    number : int32 array [n_samples]
        Numbers of the groups, which index `names`.
    names : tuple of str
        Names of the groups, in the order in which their first samples come.
    """

    number: np.ndarray
    names: tuple[str, ...]

    @classmethod
    def of(cls, groups: Sequence[str]) -> Self:
        """Number the groups of all samples.

        >>> Groups.of(["a", "b", "a"]).number.tolist()
        [0, 1, 0]
        """
        names = tuple(dict.fromkeys(groups))
        check_text("group name", names)
        return cls(locate(groups, names).astype(np.int32), names)

    @property
    def sizes(self) -> np.ndarray:
        """Number of samples of each group: int64 [G]."""
        return np.bincount(self.number, minlength=len(self.names))

    def n_inside(self, extent: np.ndarray) -> int:
        """Return how many groups have a sample in an extent, bool [n_samples]."""
        return int(np.unique(self.number[extent]).size)

    def take(self, samples: np.ndarray) -> Self:
        """Return the groups of some samples, int64 [M]; those without a sample are left out.

        >>> Groups.of(["a", "b", "c"]).take(np.array([2, 0])).names
        ('c', 'a')
        """
        found, first, number = np.unique(
            self.number[samples], return_index=True, return_inverse=True
        )
        order = np.argsort(first)
        place = np.empty(order.size, np.int32)
        place[order] = np.arange(order.size)
        return type(self)(place[number], tuple(self.names[group] for group in found[order]))

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the names and numbers."""
        digest = hashlib.sha256(json.dumps(self.names).encode())
        digest.update(np.ascontiguousarray(self.number, "<i4").tobytes())
        return digest.hexdigest()

    def starts(self, sample_id: tuple[str, ...] | None) -> np.ndarray:
        """Return which samples are the first of their groups.

        Parameters
        ----------
        sample_id : tuple of str or None
            Ids, which name the samples in messages.

        Returns
        -------
        bool array [n_samples]

        Raises
        ------
        DataError
            The samples of a group are not next to each other.
        """
        starts = np.ones(self.number.size, bool)
        starts[1:] = self.number[1:] != self.number[:-1]
        begun = np.flatnonzero(starts)
        _, first = np.unique(self.number[begun], return_index=True)
        if first.size < begun.size:
            again = int(begun[np.setdiff1d(np.arange(begun.size), first)[0]])
            raise DataError(
                f"The group {self.names[self.number[again]]!r} goes on at "
                f"{sample_name(sample_id, again)}, after samples of other groups.",
                "Sort the samples, so that those of a group are next to each other.",
            )
        return starts
