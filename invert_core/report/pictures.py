"""Which samples get a picture in the page, so that it does not become too large."""

import numpy as np

from invert_core.report.book import Book
from invert_core.results.evidence_records import NO_SAMPLE, ROWS, SAMPLES, UNITS

_FIRST = 12
"""So many samples of every list get their pictures before any list gets more."""


def picture_order(book: Book, most: int) -> np.ndarray:
    """Return the samples whose pictures the page shows, the most important first.

    The first twelve of each list come before all others, and then the units whose label has the AUC
    farthest from 1/2. Of formulas that are no label of a unit, no list counts.

    Parameters
    ----------
    book : Book
    most : int
        How many samples of each list get a picture.

    Returns
    -------
    int64 [n]
        Positions among the samples shown.
    """
    evidence = book.rows.evidence
    chosen = book.records[book.conviction()]
    lists = [evidence.units[name][chosen] for name in SAMPLES[UNITS]]
    for objective in range(len(book.rows.objectives)):
        at = book.rows.answers(objective)[chosen, None]
        lists += [
            np.where(at >= 0, evidence.rows[name][at[:, 0]], NO_SAMPLE) for name in SAMPLES[ROWS]
        ]
    samples = np.concatenate(
        [
            np.concatenate([one[:, part] for one in lists], axis=1).ravel()
            for part in (slice(0, min(_FIRST, most)), slice(_FIRST, max(_FIRST, most)))
        ]
    )
    samples = samples[samples != NO_SAMPLE]
    _, first = np.unique(samples, return_index=True)
    shown = np.fromiter(evidence.shown, np.int64)
    return np.searchsorted(shown, samples[np.sort(first)])


def fitting(order: np.ndarray, sizes: np.ndarray, space: int) -> np.ndarray:
    """Return the beginning of `order` whose pictures, of these sizes in bytes, fit a space."""
    return order[: np.searchsorted(np.cumsum(sizes[order]), space, side="right")]
