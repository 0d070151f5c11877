"""Brings what a model made of samples back into the order of the samples."""

from collections.abc import Generator, Iterable

import numpy as np

from invert_core.errors import DataError

Results = tuple[np.ndarray, dict[str, np.ndarray]]
"""The samples of a batch, int64 [b], and for every layer what was made of them, [b, n_units]."""


def in_order(
    results: Iterable[Results], start: int, n_samples: int
) -> Generator[dict[str, np.ndarray]]:
    """Give the rows from `start` on in order, as soon as all rows before them are there.

    Parameters
    ----------
    results : iterable of Results
        Every sample from `start` on once, in any order; samples before it are left out.
    start, n_samples : int

    Yields
    ------
    dict of layer name to array [rows, n_units]
        Rows that follow each other.

    Raises
    ------
    DataError
        A sample does not exist, comes twice or is missing.
    """
    arrived = np.zeros(n_samples + 1, bool)  # one more, which never arrives
    held: list[Results] = []
    next_row = start
    for rows, values in results:
        wanted = rows >= start
        kept = rows[wanted]
        outside = rows[(rows < 0) | (rows >= n_samples)]
        if outside.size:
            raise _changed(f"brought sample {outside[0]}, but announced {n_samples:,}")
        if arrived[kept].any() or np.unique(kept).size < kept.size:
            raise _changed("brought a sample twice")
        arrived[kept] = True
        if kept.size:
            held.append((kept, {name: array[wanted] for name, array in values.items()}))
        n_held = sum(each.size for each, _ in held)
        stop = next_row + int(np.argmin(arrived[next_row : next_row + n_held + 1]))
        if stop > next_row:
            yield _taken(held, stop)
            held = [left for left in (_rest(each, stop) for each in held) if left[0].size]
            next_row = stop
    if held:
        raise _changed(f"did not bring sample {next_row}, but later ones")


def _taken(held: list[Results], stop: int) -> dict[str, np.ndarray]:
    ready = [rows < stop for rows, _ in held]
    rows = np.concatenate([rows[of] for (rows, _), of in zip(held, ready, strict=True)])
    order = np.argsort(rows)
    return {
        name: np.concatenate(
            [values[name][of] for (_, values), of in zip(held, ready, strict=True)]
        )[order]
        for name in held[0][1]
    }


def _rest(held: Results, stop: int) -> Results:
    rows, values = held
    left = rows >= stop
    if left.all():
        return held
    return rows[left], {name: array[left] for name, array in values.items()}


def _changed(what: str) -> DataError:
    return DataError(f"The data {what}.", "The data must not change while it is read.")
