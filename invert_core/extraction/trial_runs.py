"""Runs the first batch again and in parts, to see whether a sample alone makes its activations."""

import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from invert_core.activations.steadiness import ROUNDING, Steadiness
from invert_core.errors import ModelError
from invert_core.extraction.one_batch import (
    ON_THE_FIRST,
    BatchAxes,
    Inputs,
    count_samples,
    run_batch,
    take_samples,
)
from invert_core.models.backend import Extractor
from invert_core.wording import first_few

_log = logging.getLogger("invert")

COARSE = 0.05
"""The largest difference, relative to the spread, that half precision or 8 bits may make."""


@dataclass(frozen=True)
class Trial:
    """What trial runs showed.

    Parameters
    ----------
    layers : mapping of str to Steadiness
        What they showed of every layer.
    seconds : float
        The time that they took.
    """

    layers: Mapping[str, Steadiness] = field(default_factory=dict)
    seconds: float = 0.0


def try_out(
    extractor: Extractor,
    inputs: Inputs,
    *,
    axes: BatchAxes = ON_THE_FIRST,
    resumed: bool = False,
) -> Trial:
    """Run a batch twice and in two parts; log a warning if that changes activations.

    Parameters
    ----------
    extractor : Extractor
        A model that is opened for some of its layers.
    inputs : mapping of input name to array [b, ...]
        A batch; one of a single sample only runs twice.
    axes : mapping of input name to int or None
        The axis of the samples, if it is not the first; None for an input without samples.
    resumed : bool
        Whether the extraction goes on from rows that an earlier run had done.

    Returns
    -------
    Trial
    """
    started = time.perf_counter()
    first = run_batch(extractor, inputs, axes)
    count = count_samples(inputs, axes)

    def rerun(*compositions: _Composition) -> dict[str, float]:
        largest = dict.fromkeys(first, 0.0)
        for each in compositions:
            again = run_batch(extractor, take_samples(inputs, axes, each.samples), axes)
            for name, values in again.items():
                before = (first[name][sample] for sample in each.samples[each.compared])
                size = largest_difference(before, values[each.compared], first[name])
                largest[name] = max(largest[name], size)
        return largest

    repeat = rerun(_the_same(count))
    steady = [name for name, size in repeat.items() if size <= ROUNDING]
    split: dict[str, float] = {}
    others: dict[str, float] = {}
    try:
        if count > 1 and steady:
            split = rerun(*_two_parts(count))
        if any(split.get(name, 0) > ROUNDING for name in steady):
            others = rerun(*_other_companies(count))
    except ModelError as error:
        _log.warning(
            "The model does not run on a part of a batch, so it is not known whether it mixes "
            "samples. %s",
            error.message,
        )
    layers = {
        name: Steadiness(size, split.get(name), others.get(name))
        if name in steady
        else Steadiness(size)
        for name, size in repeat.items()
    }
    _tell(layers, extractor, resumed)
    return Trial(layers, time.perf_counter() - started)


def largest_difference(
    before: Iterable[np.ndarray], after: Iterable[np.ndarray], layer: np.ndarray
) -> float:
    """Compare activations row by row, and divide by the spread of the layer.

    >>> layer = np.array([[0.0, 4.0], [0.0, 4.0]])
    >>> largest_difference(layer, layer + [[0, 0], [0, 1]], layer)
    0.5

    Parameters
    ----------
    before, after : iterable of float32 array [n_units]
        Rows of the same samples; NaN equals NaN.
    layer : float32 array [n, n_units]
        Activations whose standard deviation is the spread.

    Returns
    -------
    float
        0 if all values are equal; infinite if a finite value faces another one, or if there is a
        difference but no spread.
    """
    largest = 0.0
    for row, other in zip(before, after, strict=True):
        apart = (row != other) & ~(np.isnan(row) & np.isnan(other))
        if apart.any():
            with np.errstate(invalid="ignore"):
                gaps = np.abs(row[apart].astype(np.float64) - other[apart])
            largest = max(largest, float(np.where(np.isnan(gaps), np.inf, gaps).max()))
    if not largest:
        return 0.0
    spread = _standard_deviation(layer)
    return largest / spread if spread > 0 else np.inf


def _standard_deviation(layer: np.ndarray) -> float:
    finite = [row[np.isfinite(row)] for row in layer]
    n_values = sum(row.size for row in finite)
    mean = sum(float(row.sum(dtype=np.float64)) for row in finite) / max(n_values, 1)
    squares = sum(float(np.square(row - np.float64(mean)).sum()) for row in finite)
    return float(np.sqrt(squares / max(n_values, 1)))


@dataclass(frozen=True)
class _Composition:
    """Another batch of the same samples: their positions, and which rows of it are compared."""

    samples: np.ndarray
    compared: slice


def _the_same(count: int) -> _Composition:
    return _Composition(np.arange(count), slice(None))


def _two_parts(count: int) -> tuple[_Composition, _Composition]:
    # The first sample alone: halves might be the groups that a fixed batch size makes anyway.
    alone, rest = np.arange(1), np.arange(1, count)
    return _Composition(alone, slice(None)), _Composition(rest, slice(None))


def _other_companies(count: int) -> tuple[_Composition, _Composition]:
    """Replace every second sample by its neighbour, first the odd and then the even ones.

    This changes what comes before and after a sample, even within groups of a fixed size.
    """
    at = np.arange(count)
    odd = at % 2
    return (
        _Composition(at - odd, slice(0, None, 2)),
        _Composition(np.minimum(at + 1 - odd, count - 1), slice(1, None, 2)),
    )


def _tell(layers: Mapping[str, Steadiness], extractor: Extractor, resumed: bool) -> None:
    varied = {name: each.repeat or 0 for name, each in layers.items() if each.varies}
    split = {name: each.split or 0 for name, each in layers.items()}
    mixed = {name: size for name, size in split.items() if layers[name].mixes}
    sized = {name: size for name, size in split.items() if size > COARSE and name not in mixed}
    if varied:
        _log.warning(
            "The model does not repeat itself: if a batch runs again, the activations differ in "
            "%s. Something in it draws at random or keeps state%s; export or build it for "
            "evaluation.",
            _named(varied),
            _because(extractor.varying),
        )
    if mixed:
        _log.warning(
            "The model mixes the samples of a batch: if a batch is split, the activations differ "
            "in %s. They depend on the other samples of a batch%s; export or build the model for "
            "evaluation, or say --batch-size 1; if samples are steps in time, carry the state from "
            "one to the next with --carry.",
            _named(mixed),
            _because(extractor.mixing),
        )
    if sized:
        _log.warning(
            "If a batch is split, the activations differ in %s, though the other samples of a "
            "batch make no difference. They depend on --batch-size, or on the place of a sample in "
            "its batch; to take each sample alone, say --batch-size 1.",
            _named(sized),
        )
    if resumed and any(each.repeat for each in layers.values()):
        _log.warning(
            "The rows that an earlier run has left may differ from what this run would make of "
            "the same samples, because the model does not repeat itself to the last bit."
        )


def _named(differences: Mapping[str, float]) -> str:
    said = [f"{name!r} (by up to {size:.2g} of the spread)" for name, size in differences.items()]
    return first_few(said, called=str)


def _because(known: tuple[str, ...]) -> str:
    return f" ({first_few(known, called=str)})" if known else ""
