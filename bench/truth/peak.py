"""A plain search for what the strongest responses of a unit share.

`label` with the objective phi searches for the same; this is older, and slower.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.truth.agreement import corrected
from invert_core import mann_whitney
from invert_core.formula.syntax import quote_id

FEWEST = 20
"""The fewest samples that count as the strongest."""


def highest(values: np.ndarray, quantile: float) -> np.ndarray:
    """Return which samples have the highest values, bool [N]: this share of them, or `FEWEST`.

    Ties stay together: of the numbers of samples that a cut between two values leaves above it, the
    one with the smallest ratio to the wanted number counts, and of two such the smaller.

    >>> int(highest(np.array([5.0] * 30 + [4.0] * 11 + [0.0] * 59), 0.3).sum())
    30
    """
    wanted = max(FEWEST, round(quantile * values.size))
    distinct, counts = np.unique(-values, return_counts=True)
    if distinct.size < 2:
        raise ValueError("All values are equal, so none are the highest.")
    above = np.cumsum(counts)[:-1]
    return -values <= distinct[np.argmin(np.abs(np.log(above / wanted)))]


def phi(n_both: np.ndarray, n_inside: np.ndarray, n_top: int, n_samples: int) -> np.ndarray:
    """Return the correlation of two sets of samples, given how many are in both and in each.

    >>> phi(np.array([2, 1, 0]), np.array([2, 2, 2]), n_top=2, n_samples=4)
    array([ 1.,  0., -1.])
    """
    inside, top = n_inside / n_samples, n_top / n_samples
    return (n_both / n_samples - inside * top) / np.sqrt(inside * (1 - inside) * top * (1 - top))


@dataclass(frozen=True, eq=False)
class Found:
    """A formula, its extent, bool [N], and the phi of the extent with the highest samples."""

    phi: float
    length: int
    formula: str
    extent: np.ndarray


class PeakSearch:
    """A beam search for the formula whose extent has the largest phi with the highest samples.

    Parameters
    ----------
    labels : bool array [N, C]
    ids : sequence of str
        The ids of the concepts.
    length, beam : int
        The most literals, and how many formulas are kept at each step.
    min_fraction, max_fraction : float
        Smallest and largest share of the samples in an extent.
    """

    def __init__(
        self,
        labels: np.ndarray,
        ids: Sequence[str],
        length: int,
        beam: int = 3,
        min_fraction: float = 0.002,
        max_fraction: float = 0.5,
    ):
        self._extent = np.stack([labels.T, ~labels.T], axis=1).reshape(-1, len(labels))
        self._float = self._extent.astype(np.float32)  # exact for counts up to 2**24
        quoted = map(quote_id, ids)
        self._text = list(itertools.chain.from_iterable((id, f"~{id}") for id in quoted))
        self._n_inside = np.count_nonzero(self._extent, axis=1)
        self._length, self._beam = length, beam
        self._limits = min_fraction, max_fraction

    def by_length(self, top: np.ndarray) -> list[Found]:
        """Return the best formula of each length for the highest samples, bool [N].

        Their extents differ; a length that has no other extent to offer is left out.
        """
        beam = new = self._longer([], [None], top)
        found = new[:1]
        for _ in range(1, self._length):
            new = self._longer(beam, new, top)
            found += new[:1]
            beam = sorted([*beam, *new], key=lambda of: (-of.phi, of.length))[: self._beam]
            new = [of for of in new if of in beam]
        return found

    def _longer(
        self, beam: list[Found], parents: Sequence[Found | None], top: np.ndarray
    ) -> list[Found]:
        """Return the best of what one more literal makes of the parents, best first.

        Their extents differ from each other and from those of the beam.
        """
        joined = [(of, how) for of in parents for how in ("&|" if of else "&")]
        values = np.array([self._values(of, how, top) for of, how in joined]).ravel()
        known = {of.extent.tobytes() for of in beam}
        found: list[Found] = []
        for place in np.argsort(-values, kind="stable"):
            if len(found) == self._beam or np.isneginf(values[place]):
                break
            which, literal = divmod(int(place), len(self._text))
            one = self._joined(*joined[which], literal, float(values[place]))
            if one.extent.tobytes() not in known:
                known.add(one.extent.tobytes())
                found.append(one)
        return found

    def _values(self, of: Found | None, how: str, top: np.ndarray) -> np.ndarray:
        """Return the phi of a formula joined to each literal, -inf beyond the limits: [2C]."""
        both = np.count_nonzero(self._extent[:, top], axis=1)
        inside = self._n_inside
        if of is not None:
            inside = np.rint(self._float @ of.extent)
            both = np.count_nonzero(self._extent[:, top & of.extent], axis=1)
            if how == "|":
                inside = np.count_nonzero(of.extent) + self._n_inside - inside
                n_tops = np.count_nonzero(self._extent[:, top], axis=1)
                both = np.count_nonzero(top & of.extent) + n_tops - both
        low, high = self._limits
        share = inside / top.size
        allowed = (share >= low) & (share <= high) & (inside > 0) & (inside < top.size)
        values = np.full(len(share), -np.inf)
        values[allowed] = phi(both[allowed], inside[allowed], np.count_nonzero(top), top.size)
        return values

    def _joined(self, of: Found | None, how: str, literal: int, value: float) -> Found:
        """Return a formula joined to a literal; parentheses keep the order from left to right."""
        text, extent = self._text[literal], self._extent[literal]
        if of is None:
            return Found(value, 1, text, extent)
        extent = of.extent & extent if how == "&" else of.extent | extent
        return Found(value, of.length + 1, f"({of.formula}) {how} {text}", extent)


def best(found: Sequence[Found]) -> Found:
    """Return the formula with the largest phi; of equal ones the first, which is the shortest."""
    return max(found, key=lambda of: of.phi)


def headline(found: Sequence[Found], top: np.ndarray, n_concepts: int) -> Found:
    """Return the formula whose hypergeometric p, `corrected` for its length, is the smallest."""

    def p_of_length(of: Found) -> tuple[float, int]:
        tested = mann_whitney(top.astype(np.float32), of.extent, method="conditional")
        return corrected(of.length, float(tested.log10_p), n_concepts)

    return min(found, key=p_of_length)
