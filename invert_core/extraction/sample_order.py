"""Brings activations into the order of the samples."""

from collections.abc import Generator, Iterable

import numpy as np

from invert_core.errors import DataError

Results = tuple[np.ndarray, dict[str, np.ndarray]]
"""Positions of the samples of a batch, int64 [b], and their activations by layer, [b, n_units]."""


def in_order(
    results: Iterable[Results], start: int, n_samples: int
) -> Generator[dict[str, np.ndarray]]:
    """Yield the activations of all samples from `start`, in order and as early as possible.

    Parameters
    ----------
    results : iterable of Results
        Every sample from `start` on exactly once, in any order; samples before `start` are ignored.
    start, n_samples : int
        Position of the first sample that is needed, and the number of all samples.

    Yields
    ------
    dict of layer name to array [b, n_units]
        Activations of consecutive samples.
    """
    arrived = np.zeros(n_samples + 1, bool)  # one extra that never arrives, so that argmin finds it
    held: list[Results] = []
    next_sample = start
    for samples, values in results:
        wanted = samples >= start
        kept = samples[wanted]
        outside = samples[(samples < 0) | (samples >= n_samples)]
        if outside.size:
            raise _changed(f"brought sample {outside[0]}, but announced {n_samples:,}")
        if arrived[kept].any() or np.unique(kept).size < kept.size:
            raise _changed("brought a sample twice")
        arrived[kept] = True
        if kept.size:
            held.append((kept, {name: array[wanted] for name, array in values.items()}))
        n_held = sum(each.size for each, _ in held)
        stop = next_sample + int(np.argmin(arrived[next_sample : next_sample + n_held + 1]))
        if stop > next_sample:
            yield _taken(held, stop)
            held = [left for left in (_rest(each, stop) for each in held) if left[0].size]
            next_sample = stop
    if held:
        raise _changed(f"did not bring sample {next_sample}, but later ones")


def _taken(held: list[Results], stop: int) -> dict[str, np.ndarray]:
    ready = [samples < stop for samples, _ in held]
    samples = np.concatenate([samples[of] for (samples, _), of in zip(held, ready, strict=True)])
    order = np.argsort(samples)
    return {
        name: np.concatenate(
            [values[name][of] for (_, values), of in zip(held, ready, strict=True)]
        )[order]
        for name in held[0][1]
    }


def _rest(held: Results, stop: int) -> Results:
    samples, values = held
    left = samples >= stop
    if left.all():
        return held
    return samples[left], {name: array[left] for name, array in values.items()}


def _changed(what: str) -> DataError:
    return DataError(f"The data {what}.", "The data must not change while it is read.")
