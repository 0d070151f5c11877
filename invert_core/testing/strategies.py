"""Hypothesis strategies that draw activations, labels and search settings.

They are for the tests of this package and of packages built on it. They favour what breaks rank
code and bit-packed code: ties, signed zeros, infinities, sizes around multiples of 64, and concepts
that are empty, full, equal, complementary or nested. They need the package `hypothesis`.

>>> from hypothesis import given, settings
>>> from invert_core.testing.strategies import search_cases
>>> @settings(max_examples=5)
... @given(search_cases())
... def test_labels_and_activations_have_the_same_samples(case):
...     assert len(case.activations) == len(case.labels)
>>> test_labels_and_activations_have_the_same_samples()
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

UNIT_KINDS = (
    "gaussian",
    "relu",
    "levels",
    "infinite",
    "signed zeros",
    "adjacent",
    "wide",
    "clusters",
    "outlier",
    "few",
    "subnormal",
    "negative",
    "constant",
)
CONCEPT_KINDS = (
    "half",
    "third",
    "sparse",
    "dense",
    "duplicate",
    "complement",
    "nested",
    "single",
    "empty",
    "full",
)
DEFINED_KINDS = ("shared", "own", "mixed")
WORD_EDGES = (63, 64, 65, 127, 128)
# Hypothesis draws the first entry most and shrinks to it: the default, which is a real search.
LENGTHS = (3, 2, 4, 1)
BEAMS = (3, 2, 5, 4, 1)


@dataclass(frozen=True)
class SearchCase:
    """One search problem.

    Attributes
    ----------
    activations : float16, float32 or float64 array [n_samples, n_units]
        Activations as `activations` draws them.
    labels : bool array [n_samples, n_concepts]
        Concept labels as `labels` draws them.
    settings : dict
        Keyword arguments as `search_settings` draws them.
    """

    activations: np.ndarray
    labels: np.ndarray
    settings: dict[str, Any]


@dataclass(frozen=True)
class MaskedCase(SearchCase):
    """One search problem in which labels are missing.

    Attributes
    ----------
    defined : bool array [n_samples, n_concepts]
        Whether each label is known; at least one is not. Unknown labels are false in `labels`.
    """

    defined: np.ndarray


def n_samples() -> st.SearchStrategy[int]:
    """Draw a number of samples from 2 to 500, half of the time at or beside a multiple of 64."""
    return _evenly(2, 500) | st.sampled_from(WORD_EDGES)


@st.composite
def activations(draw: st.DrawFn, n_samples: int, n_units: int = 1) -> np.ndarray:
    """Draw the activations of a layer; every unit has a kind of its own.

    Parameters
    ----------
    n_samples, n_units : int

    Returns
    -------
    float16, float32 or float64 array [n_samples, n_units]
        Never NaN. A unit is gaussian; rectified with many zeros; rounded to few levels; with
        infinities of both signs; with zeros of both signs; of neighbouring floating-point numbers
        (which tie once they are cast to a smaller type); over the whole range of its type; in
        narrow clusters; in one narrow cluster but for one value; of few values; too small to be
        normal; negative; or constant.
    """
    dtype = np.dtype(draw(st.sampled_from((np.float32, np.float64, np.float16))))
    kinds = draw(st.lists(st.sampled_from(UNIT_KINDS), min_size=n_units, max_size=n_units))
    rng = _generator(draw)
    return np.stack([_unit(kind, n_samples, dtype, rng) for kind in kinds], axis=1)


@st.composite
def labels(draw: st.DrawFn, n_samples: int, n_concepts: int) -> np.ndarray:
    """Draw concept labels, many of them related to each other.

    Parameters
    ----------
    n_samples, n_concepts : int

    Returns
    -------
    bool array [n_samples, n_concepts]
        A concept is true for half of the samples, a third, few, most, a single one, none or all;
        or it equals an earlier concept, complements it, or is nested in it.
    """
    rng = _generator(draw)
    columns = [rng.random(n_samples) < 0.3]
    for kind in rng.choice(CONCEPT_KINDS, n_concepts):
        columns.append(_concept(kind, columns[rng.integers(len(columns))], rng))
    return np.stack(columns[1:], axis=1)


@st.composite
def defined(draw: st.DrawFn, n_samples: int, n_concepts: int) -> np.ndarray:
    """Draw the samples on which concepts are defined.

    Parameters
    ----------
    n_samples, n_concepts : int

    Returns
    -------
    bool array [n_samples, n_concepts]
        At least one entry is false. Every concept is defined on the samples of one of up to three
        sources; or on samples of its own; or there are concepts of both kinds, and others that are
        defined everywhere, nowhere or on a single sample.
    """
    kind = draw(st.sampled_from(DEFINED_KINDS))
    rng = _generator(draw)
    share = rng.choice([0.4, 0.7, 0.9], n_concepts)
    table = rng.random((n_samples, n_concepts)) < share
    if kind != "own":
        sources = table[:, : rng.integers(1, 4)]
        of_concept = rng.integers(sources.shape[1], size=n_concepts)
        shared = rng.random(n_concepts) < (1.0 if kind == "shared" else 0.3)
        table[:, shared] = sources[:, of_concept[shared]]
    if kind == "mixed":
        other = rng.random((3, n_concepts)) < 0.2
        table[:, other[0]] = True
        table[:, other[1]] = False
        table[:, other[2]] = (np.arange(n_samples) == rng.integers(n_samples))[:, None]
    table[rng.integers(n_samples), rng.integers(n_concepts)] = False
    return table


@st.composite
def search_settings(draw: st.DrawFn, n_samples: int, n_concepts: int) -> dict[str, Any]:
    """Draw the settings of a beam search as keyword arguments.

    Parameters
    ----------
    n_samples, n_concepts : int
        Sizes of the data to search. Fraction limits often fall exactly on a count of samples, and
        `limit_search` is at most the number of concepts.

    Returns
    -------
    dict
        `length` 1 to 4, `beam` 1 to 5, `min_fraction` and `max_fraction` in order and within
        [0, 1], `direction` "positive" or "negative", `limit_search` an int or None, `min_gain` 0
        or more. It may be that no literal meets the limits.
    """
    low = draw(st.sampled_from((0.0, 0.002)) | _fractions(0, n_samples // 4, n_samples))
    high = draw(st.sampled_from((1.0, 0.5)) | _fractions(n_samples // 4, n_samples, n_samples))
    return {
        "length": draw(st.sampled_from(LENGTHS)),
        "beam": draw(st.sampled_from(BEAMS)),
        "min_fraction": low,
        "max_fraction": max(low, high),
        "direction": draw(st.sampled_from(("positive", "negative"))),
        "limit_search": draw(st.none() | _evenly(1, n_concepts)),
        "min_gain": draw(st.sampled_from((0.0, 0.0, 0.001, 0.02))),
    }


@st.composite
def search_cases(draw: st.DrawFn, max_concepts: int = 40, max_units: int = 3) -> SearchCase:
    """Draw activations, labels and settings that belong together.

    In half of all cases, the samples on which a formula of two literals is true get the higher
    values of a unit, so that there is something to find.

    Parameters
    ----------
    max_concepts, max_units : int
        The most concepts and units to draw; there is at least one of each.

    Returns
    -------
    SearchCase
    """
    size = draw(n_samples())
    concepts = draw(labels(size, draw(_evenly(1, max_concepts))))
    values = draw(activations(size, draw(_evenly(1, max_units))))
    if draw(st.booleans()):
        rng = _generator(draw)
        values = np.stack([_with_signal(unit, concepts, rng) for unit in values.T], axis=1)
    return SearchCase(values, concepts, draw(search_settings(size, concepts.shape[1])))


@st.composite
def masked_cases(draw: st.DrawFn, max_concepts: int = 12, max_units: int = 2) -> MaskedCase:
    """Draw a search problem in which labels are missing.

    Parameters
    ----------
    max_concepts, max_units : int
        The most concepts and units to draw; there is at least one of each.

    Returns
    -------
    MaskedCase
        The settings also hold `min_defined`.
    """
    case = draw(search_cases(max_concepts, max_units))
    known = draw(defined(*case.labels.shape))
    share = draw(st.sampled_from((0.5, 0.0, 0.3)) | _fractions(0, len(known), len(known)))
    return MaskedCase(
        case.activations, case.labels & known, case.settings | {"min_defined": share}, known
    )


def _fractions(low: int, high: int, n_samples: int) -> st.SearchStrategy[float]:
    return _evenly(low, high).map(lambda count: count / n_samples)


def _evenly(low: int, high: int) -> st.SearchStrategy[int]:
    # `st.integers` would draw its lower end in half of all cases.
    return st.sampled_from(range(low, high + 1))


def _generator(draw: st.DrawFn) -> np.random.Generator:
    # Bulk data come from a drawn seed: drawing element by element would take most of the time.
    return np.random.default_rng(draw(st.integers(0, 2**32 - 1)))


def _unit(kind: str, n: int, dtype: np.dtype, rng: np.random.Generator) -> np.ndarray:
    values = rng.standard_normal(n)
    if kind in ("infinite", "signed zeros"):
        for special in (np.inf, -np.inf) if kind == "infinite" else (0.0, -0.0):
            values[rng.random(n) < (0.1 if kind == "infinite" else 0.4)] = special
    elif kind == "relu":
        values = np.maximum(values - rng.choice([0.0, 1.0, 2.5]), 0)
    elif kind == "levels":
        values = np.round(values * rng.choice([0.5, 1, 4]))
    elif kind in ("few", "constant"):
        values = values[rng.integers(1 if kind == "constant" else min(n, 5), size=n)]
    elif kind == "negative":
        values = -np.abs(values) - rng.choice([0.0, 0.5])
    elif kind != "gaussian":
        values = _of_bits(kind, values, dtype, rng)
    return values.astype(dtype)


def _of_bits(
    kind: str, normal: np.ndarray, dtype: np.dtype, rng: np.random.Generator
) -> np.ndarray:
    """Return values whose bits lie close together or far apart."""
    limits, n = np.finfo(dtype), len(normal)
    if kind == "adjacent":
        return 1 + rng.integers(0, 20, n) * limits.eps
    if kind == "subnormal":
        return np.round(normal * 50) * limits.smallest_subnormal
    wide = np.copysign(2.0 ** rng.uniform(limits.minexp - 5, limits.maxexp - 1, n), normal)
    if kind == "wide":
        return wide
    centres = wide[rng.integers(1 if kind == "outlier" else min(n, 9), size=n)]
    values = centres * (1 + rng.integers(0, 99, n) * limits.eps)
    if kind == "outlier":
        values[rng.integers(n)] = wide[-1]
    return values


def _concept(kind: str, earlier: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    n = len(earlier)
    if kind == "duplicate":
        return earlier.copy()
    if kind == "complement":
        return ~earlier
    if kind == "nested":
        return earlier & (rng.random(n) < 0.6)
    if kind == "single":
        return np.arange(n) == rng.integers(n)
    chance = {"half": 0.5, "third": 0.3, "sparse": 0.05, "dense": 0.85, "empty": 0.0, "full": 1.0}[
        kind
    ]
    return rng.random(n) < chance


def _with_signal(unit: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    first, second = labels.T[rng.integers(labels.shape[1], size=2)] ^ (rng.random((2, 1)) < 0.5)
    extent = first & second if rng.random() < 0.5 else first | second
    samples = np.argsort(extent + rng.normal(0, rng.choice([0.1, 0.7]), len(unit)))
    planted = np.empty_like(unit)
    planted[samples] = np.sort(unit)
    return planted
