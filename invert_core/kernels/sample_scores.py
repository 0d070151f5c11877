"""Scores of samples other than ranks, added over atoms; all are integers that are not negative.

So sums are exact, and do not depend on the order in which they are taken. Sparse units stay sparse:
samples without a stored value share the score of zero.
"""

import math
from collections.abc import Callable
from typing import NamedTuple, Self

import numpy as np

from invert_core.kernels.atoms import Atoms
from invert_core.kernels.ranks import StoredUnits

_SUM_BITS = 52
"""Sums of scores stay below 2**53, which float64 holds exactly."""
_STRIDE = 97
"""One of so many values is looked at to guess where the highest ones begin."""


class ScoreSums(NamedTuple):
    """Scores of the samples of K units, added over S atoms.

    Attributes
    ----------
    sums : int64 [K, S]
        Sums over each atom.
    total : int64 [K]
        Sums over all samples.
    deviation : float64 [K]
        Root of the sum of the squared deviations of the scores from their mean.
    origin : float64 [K]
        The score that the activation 0 would have, if scores are differences of activations.
    """

    sums: np.ndarray
    total: np.ndarray
    deviation: np.ndarray
    origin: np.ndarray

    def take(self, units: np.ndarray) -> Self:
        """Return some of the units, int64 [k]."""
        return type(self)(*(values[units] for values in self))


class Unit(NamedTuple):
    """A unit of N samples: its values float32 or float64 [n]; all other samples are 0."""

    values: np.ndarray
    n_samples: int

    @property
    def n_implicit(self) -> int:
        """Number of samples without a value."""
        return self.n_samples - self.values.size


class Scores(NamedTuple):
    """Scores int64 [m] of the values at some positions int64 [m], and of all other samples."""

    at: np.ndarray
    scores: np.ndarray
    of_others: int
    origin: float = 0.0


Scoring = Callable[[Unit], Scores]


def score_sums(
    units: np.ndarray | StoredUnits, atoms: Atoms, scoring: Scoring, is_negated: bool
) -> ScoreSums:
    """Score the samples of units and add the scores of each atom.

    Parameters
    ----------
    units : float16, float32 or float64 [K, N], or StoredUnits
        Activations without NaN.
    atoms : Atoms
        The S atoms of the N samples.
    scoring : callable
        `top_scores(...)`, `value_scores` or `savage_scores(...)`.
    is_negated : bool
        Whether to score -1 times the activations.
    """
    n_units, n_samples = len(units), int(atoms.sizes.sum())
    sums = np.empty((n_units, atoms.sizes.size), np.int64)
    total, (deviation, origin) = np.zeros(n_units, np.int64), np.zeros((2, n_units))
    for number in range(n_units):
        values, of_sample = _values_of(units, number, atoms)
        at, scores, of_others, of_zero = scoring(Unit(-values if is_negated else values, n_samples))
        # Sums below 2**53 are exact in float64.
        changes = np.bincount(of_sample[at], scores - of_others, atoms.sizes.size)
        sums[number] = atoms.sizes * of_others + changes.astype(np.int64)
        n_others = n_samples - at.size
        total[number] = scores.sum() + n_others * of_others
        squares = _sum_of_squares(scores) + n_others * of_others**2
        # Rounded once before the root.
        deviation[number] = math.sqrt((n_samples * squares - int(total[number]) ** 2) / n_samples)
        origin[number] = of_zero
    return ScoreSums(sums, total, deviation, origin)


def _values_of(
    units: np.ndarray | StoredUnits, number: int, atoms: Atoms
) -> tuple[np.ndarray, np.ndarray]:
    """Return the values of a unit, and the atom int32 [n] of each."""
    if isinstance(units, np.ndarray):
        values, of_sample = units[number], atoms.of_sample
    else:
        samples, values = units[number]
        of_sample = atoms.of_sample[samples]
    return values.astype(np.float32) if values.dtype == np.float16 else values, of_sample


def _sum_of_squares(scores: np.ndarray) -> int:
    """Return the exact sum of the squares of scores int64 [n], of which the sum is below 2**53."""
    if scores.max(initial=0) <= 1:
        return int(scores.sum())
    # Each score is high * 2**n_low + low, so that no product and no sum leaves 64 bits.
    n_low = (int(scores.max(initial=0)).bit_length() + 1) // 2
    high, low = scores >> n_low, scores & ((1 << n_low) - 1)
    squares, mixed = int((high * high).sum()), int((high * low).sum())
    return (squares << 2 * n_low) + (mixed << n_low + 1) + int((low * low).sum())


def top_scores(target: int) -> Scoring:
    """Return the scoring 1 for the highest values, 0 for all others.

    The cut falls between two distinct values, so that about `target` samples are above it: as near
    as possible as a ratio, and the smaller number of two that are equally near; never none, and
    never all of a unit that is not constant.
    """

    def scoring(unit: Unit) -> Scores:
        values, n_implicit, n_samples = unit.values, unit.n_implicit, unit.n_samples
        near = _positions_of_highest(unit, min(target, n_samples))
        of_near = values[near]
        value = _highest(unit, of_near, min(target, n_samples))
        n_above = np.count_nonzero(of_near > value) + (n_implicit if value < 0 else 0)
        n_from = np.count_nonzero(of_near >= value) + (n_implicit if value <= 0 else 0)
        cuts_above = n_from == n_samples or (n_above > 0 and target**2 <= n_above * n_from)
        if n_implicit > 0 and (value < 0 or (value == 0 and not cuts_above)):
            # What is not stored is among the highest, so the others are noted.
            at = np.flatnonzero(values <= value if cuts_above else values < value)
            return Scores(at, np.zeros(at.size, np.int64), 1)
        at = near[of_near > value if cuts_above else of_near >= value]
        return Scores(at, np.ones(at.size, np.int64), 0)

    return scoring


def n_top(n_samples: int, quantile: float) -> int:
    """Return how many samples are to be the highest: a share of all, but at least 20."""
    return max(20, round(quantile * n_samples))


def _positions_of_highest(unit: Unit, number: int) -> np.ndarray:
    """Return positions of values, the highest of the samples among them and not many others.

    `number` is how many samples are asked for. All positions are returned if zeros without a value
    may be among these.
    """
    values = unit.values
    # A few of the values tell about where to look; all are looked at if that was wrong.
    some = values[::_STRIDE]
    expected = some.size * number / max(1, values.size)
    place = int(expected + 4 * math.sqrt(expected)) + 2
    if place < some.size:
        guess = np.partition(some, some.size - place)[some.size - place]
        # Of a sparse unit, the guess is often a zero like most others.
        above = np.flatnonzero(values > guess)
        if above.size >= number and (guess >= 0 or unit.n_implicit == 0):
            return above
        near = np.flatnonzero(values >= guess)
        if near.size >= number and (guess > 0 or unit.n_implicit == 0):
            return near
    return np.arange(values.size)


def _highest(unit: Unit, of_near: np.ndarray, number: int) -> float:
    """Return the value of a unit at a place, from 1 for the highest, given those around it."""
    n_implicit = unit.n_implicit
    if n_implicit > 0:
        n_positive = np.count_nonzero(of_near > 0)
        n_zeros = n_implicit + np.count_nonzero(of_near == 0)
        if n_positive < number <= n_positive + n_zeros:
            return 0.0
        if number > n_positive:
            number -= n_implicit
    least = of_near.min()
    if number > np.count_nonzero(of_near > least):
        return float(least)  # which partition is slow to find if many are equal
    return float(np.partition(of_near, of_near.size - number)[of_near.size - number])


def value_scores(unit: Unit) -> Scores:
    """Score activations by themselves, in fixed point.

    The score is (a - least) / (most - least) in steps of 2**-b, where b is 52 minus the number of
    bits of N: so the resolution of an activation is 2**-b of the range of its unit, 2**-36 for
    50,000 samples.
    """
    values = unit.values.astype(np.float64)
    zeros = [0.0] if unit.n_implicit else []
    least, most = (
        min([values.min(initial=np.inf), *zeros]),
        max([values.max(initial=-np.inf), *zeros]),
    )
    # Half of each, if float64 cannot hold the range itself.
    with np.errstate(over="ignore"):
        half = 1.0 if np.isfinite(most - least) else 0.5
    width = most * half - least * half
    steps = 2.0 ** (_SUM_BITS - unit.n_samples.bit_length())
    # A constant unit has no range.
    width = width if width > 0 else 1.0
    of_zero = (0.0 - least * half) / width * steps
    at = np.flatnonzero(values) if least <= 0.0 <= most else np.arange(values.size)
    scores = np.rint((values[at] * half - least * half) / width * steps).astype(np.int64)
    return Scores(at, scores, int(np.rint(of_zero)) if least <= 0.0 <= most else 0, of_zero)


def savage_scores(table: np.ndarray) -> Scoring:
    """Return the scoring by rank that weighs the highest ranks most; see `savage_table`.

    Tied samples share the mean of their scores, rounded down after half a step is added.
    """

    def of_groups(below: np.ndarray, size: np.ndarray) -> np.ndarray:
        return (table[below + size] - table[below] + size // 2) // size

    def scoring(unit: Unit) -> Scores:
        at = np.flatnonzero(unit.values)
        at = at[np.argsort(unit.values[at])]
        values = unit.values[at]
        first = np.flatnonzero(np.append(True, values[1:] != values[:-1])[: values.size])
        size = np.diff(np.append(first, values.size))
        n_negative, n_zeros = np.count_nonzero(values < 0), unit.n_samples - values.size
        scores = of_groups(first + np.where(values[first] > 0, n_zeros, 0), size)
        of_zeros = int(of_groups(np.array(n_negative), np.array(n_zeros))) if n_zeros else 0
        return Scores(at, np.repeat(scores, size), of_zeros)

    return scoring


def savage_table(n_samples: int) -> np.ndarray:
    """Return the sums of the Savage scores of the lowest ranks: int64 [N + 1], from none to all.

    The score of rank i of N is the expected value of the i-th smallest of N exponential variables,
    1/N + 1/(N - 1) + ... + 1/(N - i + 1), in steps of 2**-b, where b is 52 minus the number of bits
    of N. The mean of all is 1.
    """
    scores = np.cumsum(1.0 / np.arange(n_samples, 0, -1))
    steps = 2.0 ** (_SUM_BITS - n_samples.bit_length())
    return np.append(0, np.cumsum(np.rint(scores * steps).astype(np.int64)))
