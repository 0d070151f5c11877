"""Labels that go up: what carries a concept carries all that it is a kind of."""

from collections.abc import Iterable

import numpy as np

from invert_core.concepts.hierarchy.paths import children_first
from invert_core.kernels.bits import whole_set


def labels_upward(
    bits: np.ndarray,
    defined: np.ndarray | None,
    n_samples: int,
    n_new: int,
    edges: Iterable[tuple[int, int]],
) -> tuple[np.ndarray, np.ndarray | None]:
    """Labels of concepts and of new ones above them.

    A concept is true where it or any of its kinds is, false where all of these are, and else
    undefined.

    Parameters
    ----------
    bits : uint64 array [C, W]
        Where C concepts are true.
    defined : uint64 array [C, W], or None
        Where they are defined; None: everywhere.
    n_samples : int
    n_new : int
        M; the new ones count from C.
    edges : iterable of (int, int)
        Child and parent, without a cycle.

    Returns
    -------
    bits, defined : uint64 arrays [C + M, W]
        `defined` is None if it was.
    """
    order = children_first(edges)
    true = _raised(bits, n_new, order)
    if defined is None:
        return true, None
    whole = whole_set(n_samples)
    doubtful = _raised(~defined & whole, n_new, order)
    return true, ~doubtful & whole | true


def _raised(bits: np.ndarray, n_new: int, order: Iterable[tuple[int, int]]) -> np.ndarray:
    raised = np.concatenate([bits, np.zeros((n_new, bits.shape[1]), np.uint64)])
    for child, parent in order:
        raised[parent] |= raised[child]
    return raised
