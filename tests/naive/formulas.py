"""Extents, atoms and formulas."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet


def extents(marks: Iterable[Iterable[bool]]) -> list[set[int]]:
    """The extent of every column of a matrix of marks [n_samples, n_concepts]."""
    columns = zip(*marks, strict=True)
    return [{i for i, true in enumerate(column) if true} for column in columns]


def atoms(marks: Iterable[Iterable[bool]]) -> list[int]:
    """Number the atom of every sample: samples with the same marks share one, first come first."""
    numbers: dict[tuple[bool, ...], int] = {}
    return [numbers.setdefault(tuple(map(bool, row)), len(numbers)) for row in marks]


def extent_of(
    literals: Sequence[int],
    connectives: Sequence[str],
    concepts: Sequence[AbstractSet[int]],
    n_samples: int,
) -> frozenset[int]:
    """Find the extent of a formula, sample by sample."""
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
    """Sort the literals within each run of one connective; the first run has the first literal."""
    runs = [[literals[0]]]
    for i, literal in enumerate(literals[1:]):
        if i > 0 and connectives[i] != connectives[i - 1]:
            runs.append([])
        runs[-1].append(literal)
    return tuple(literal for run in runs for literal in sorted(run))
