"""The exhaustive search."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from itertools import product

from tests.naive.formulas import normal_form
from tests.naive.ranks import doubled_midranks
from tests.naive.search import Scored


def exhaustive_search(
    activations: Iterable[float],
    concepts: Sequence[AbstractSet[int]],
    n_samples: int,
    *,
    length: int,
    n_low: int,
    n_high: int,
    direction: str,
) -> dict[int, Scored]:
    """Write all formulas down; keep the best of each length if it beats all shorter ones.

    Only extents of `n_low` to `n_high` samples count. `direction` is "positive" or "negative".
    """
    ranks = doubled_midranks(activations)
    everything = frozenset(range(n_samples))
    of_literal: list[frozenset[int]] = []
    for concept in concepts:
        of_literal += [frozenset(concept), everything - concept]
    sign = 1 if direction == "positive" else -1
    best: dict[int, Scored] = {}
    for size in range(1, length + 1):
        shorter = [sign * formula.auc for formula in best.values()]
        found: dict[frozenset[int], list[tuple[tuple[int, ...], tuple[str, ...]]]] = {}
        for literals in product(range(len(of_literal)), repeat=size):
            for connectives in product("&|", repeat=size - 1):
                extent = of_literal[literals[0]]
                for connective, literal in zip(connectives, literals[1:], strict=True):
                    right = of_literal[literal]
                    extent = extent & right if connective == "&" else extent | right
                if n_low <= len(extent) <= n_high:
                    found.setdefault(extent, []).append(
                        (normal_form(literals, connectives), connectives)
                    )
        new = []
        for extent, formulas in found.items():
            n1 = len(extent)
            doubled_u = sum(ranks[i] for i in extent) - n1 * (n1 + 1)
            area = doubled_u / (2 * n1 * (n_samples - n1))
            new.append(Scored(*min(formulas), extent, n1, doubled_u, area))
        if new:
            first = min(new, key=lambda f: (-sign * f.auc, f.literals, f.connectives))
            if all(sign * first.auc > score for score in shorter):
                best[size] = first
    return best
