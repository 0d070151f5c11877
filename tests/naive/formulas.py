"""Extents, atoms and formulas."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet


def extents(labels: Iterable[Iterable[bool]]) -> list[set[int]]:
    """One set of samples per column of a label matrix [n_samples, n_concepts]."""
    columns = zip(*labels, strict=True)
    return [{i for i, true in enumerate(column) if true} for column in columns]


def atoms(labels: Iterable[Iterable[bool]]) -> list[int]:
    """For every sample the number of its group; equal rows are one group, in order of the first."""
    numbers: dict[tuple[bool, ...], int] = {}
    return [numbers.setdefault(tuple(map(bool, row)), len(numbers)) for row in labels]


def extent_of(
    literals: Sequence[int],
    connectives: Sequence[str],
    concepts: Sequence[AbstractSet[int]],
    n_samples: int,
) -> frozenset[int]:
    """Where a formula is true, sample by sample."""
    true = set()
    for i in range(n_samples):
        value = [(i in concepts[k // 2]) != (k % 2 == 1) for k in literals]
        result = value[0]
        for connective, right in zip(connectives, value[1:], strict=True):
            result = (result and right) if connective == "&" else (result or right)
        if result:
            true.add(i)
    return frozenset(true)


def normal_form(literals: Sequence[int], connectives: Sequence[str]) -> tuple[int, ...]:
    """Literals sorted within each run of one connective; the first belongs to the first run."""
    runs = [[literals[0]]]
    for i, literal in enumerate(literals[1:]):
        if i > 0 and connectives[i] != connectives[i - 1]:
            runs.append([])
        runs[-1].append(literal)
    return tuple(literal for run in runs for literal in sorted(run))
