"""Small random inputs that are full of ties, repeats and borders."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from tests.oracle.searches import Concepts, Rules

SEARCHES = ("beam", "exhaustive", "masked")
KINDS = (*SEARCHES, "permuted")
"""Kinds of cases; of those that are permuted, all orders of the samples are searched."""
_COUNTS = (2, 3, 4, 5, 6, 7, 8, 12, 17, 31, 33, 63, 64, 65, 100, 127, 128, 129)
"""Around the words of 64 bits; most cases have up to 12 samples, where ties of AUC abound."""
_FRACTIONS = (0.0, 0.002, 0.1, 0.25, 1 / 3, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Case:
    """One labelling; `units` holds the values of each unit, all of which `dtype` holds exactly."""

    kind: str
    concepts: Concepts
    units: tuple[tuple[float, ...], ...]
    dtype: str
    is_sparse: bool
    missing: str
    rules: Rules
    permutations: int = 0
    seed: int = 0


def case(kind: str, seed: int, number: int) -> Case:
    """Make the case of this number; it depends on nothing else."""
    random = Random(f"{kind}-{seed}-{number}")
    return _permuted(random) if kind == "permuted" else _of_search(random, kind)


def _permuted(random: Random) -> Case:
    """Make a case of which all orders of the samples can be searched.

    With 4 or 6 samples, the null distribution of any unit is that of its own orders: it is not put
    between two others.
    """
    kind = random.choice(SEARCHES)
    n = random.choice((4, 6, 6))
    made = _concepts(random, n, kind)
    concepts = Concepts(n, made.true[:3], made.known[:3])
    rules = _rules(random, kind, len(concepts.true))
    rules = replace(rules, length=min(rules.length, 2), beam=min(rules.beam, 3))
    units = (_unit(random, n, is_sparse=False),)
    missing = "exclude" if kind == "masked" else "error"
    options = {"permutations": 1000, "seed": random.randrange(2**32)}
    return Case(kind, concepts, units, "float64", False, missing, rules, **options)


def _of_search(random: Random, kind: str) -> Case:
    n = random.choice(_COUNTS) if random.random() < 0.25 else random.randint(2, 12)
    is_sparse = random.random() < 0.25
    concepts = _concepts(random, n, kind)
    n_units = random.randint(1, 3)
    return Case(
        kind,
        concepts,
        tuple(_unit(random, n, is_sparse) for _ in range(n_units)),
        random.choice(("float16", "float32", "float64")),
        is_sparse,
        random.choice(("exclude",) * 8 + ("negative", "error")) if kind == "masked" else "error",
        _rules(random, kind, len(concepts.true)),
    )


def _rules(random: Random, kind: str, n_concepts: int) -> Rules:
    low, high = sorted(random.choices(_FRACTIONS, k=2))
    if random.random() < 0.75:
        low, high = 0.002, random.choice((0.5, 0.9, 1.0))
    if kind == "exhaustive":
        # All formulas are written down: 936 of up to 3 literals over 3 concepts.
        length = random.randint(1, 3 if n_concepts <= 3 else 2)
    else:
        length = random.randint(1, 4)
    return Rules(
        length=length,
        beam=random.randint(1, 5),
        min_fraction=low,
        max_fraction=high,
        direction=random.choice(("positive", "negative", "both")),
        limit_search=random.choice((None, None, 1, 2, 9)) if kind != "exhaustive" else None,
        min_gain=random.choice((0.0, 0.0, 0.0, 0.01, 1 / 16, 0.125, 0.25)),
        min_defined=random.choice((0.0, 0.0, 0.25, 0.5, 0.75)) if kind == "masked" else 0.5,
    )


def _concepts(random: Random, n: int, kind: str) -> Concepts:
    everything = (1 << n) - 1
    true: list[int] = []
    known: list[int] = []
    for _ in range(random.randint(1, 6)):
        how = random.random()
        if how < 0.15 and true:
            true.append(random.choice(true))
        elif how < 0.25 and true:
            true.append(everything & ~random.choice(true))
        elif how < 0.3:
            true.append(random.choice((0, everything)))
        elif how < 0.4:
            true.append(1 << random.randrange(n))
        else:
            true.append(_random_extent(random, n, random.choice((0.05, 0.3, 0.5, 0.8))))
        known.append(_known(random, n, known) if kind == "masked" else everything)
    return Concepts(n, tuple(t & k for t, k in zip(true, known, strict=True)), tuple(known))


def _known(random: Random, n: int, earlier: list[int]) -> int:
    how = random.random()
    if how < 0.3:
        return (1 << n) - 1
    if how < 0.5 and earlier:
        return random.choice(earlier)
    return _random_extent(random, n, random.choice((0.1, 0.5, 0.8, 0.95)))


def _random_extent(random: Random, n: int, share: float) -> int:
    return sum(1 << i for i in range(n) if random.random() < share)


_VALUES: tuple[Callable[[Random], float], ...] = (
    lambda random: float(random.randint(0, 1)),
    lambda random: float(random.randint(-2, 2)),
    lambda random: random.choice((-math.inf, -1.0, 0.0, 1.0, math.inf)),
    lambda random: random.choice((0.0, -0.0, 2.0**-24, -(2.0**-24))),
    lambda random: random.choice((-65504.0, 65504.0, 0.5)),
    # Ten bits of fraction, which float16 holds.
    lambda random: random.randint(-1023, 1023) / 64,
    lambda random: max(0, random.randint(-1023, 1023)) / 1024,
)


def _unit(random: Random, n: int, is_sparse: bool) -> tuple[float, ...]:
    how = random.random()
    if how < 0.05:
        return (random.choice((0.0, -1.5, math.inf)),) * n
    draw = random.choice(_VALUES)
    values = [draw(random) for _ in range(n)]
    if is_sparse or how < 0.2:
        values = [value if random.random() < 0.3 else 0.0 for value in values]
    return tuple(values)
