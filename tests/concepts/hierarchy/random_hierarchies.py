"""Random hierarchies, and concepts that stand in them."""

from collections.abc import Iterable
from itertools import combinations

from hypothesis import strategies as st

IDS = tuple("abcdefgh")


@st.composite
def hierarchies(draw) -> dict[str, tuple[str, ...]]:
    """What each of eight concepts is directly a kind of; all that is above stands behind it."""
    order = draw(st.permutations(IDS))
    parents: dict[str, tuple[str, ...]] = dict.fromkeys(order, ())
    for row, id in enumerate(order):
        upper = order[row + 1 :]
        if upper:
            parents[id] = tuple(draw(st.lists(st.sampled_from(upper), max_size=3, unique=True)))
    return parents


def edges(parents: dict[str, tuple[str, ...]]) -> set[tuple[str, str]]:
    return {(child, parent) for child, above in parents.items() for parent in above}


def own_edges(ids: list[str], order: Iterable[str]) -> st.SearchStrategy[list[tuple[str, str]]]:
    """Edges between some concepts that agree with an order."""
    pairs = [pair for pair in combinations(order, 2) if set(pair) <= set(ids)]
    return st.lists(st.sampled_from(pairs), unique=True, max_size=4) if pairs else st.just([])


LABELS = st.sampled_from([0, 1, -1])


@st.composite
def labelled(draw, known=IDS) -> tuple[list[str], list[list[int]]]:
    """Ids of some concepts, one of them perhaps in no hierarchy, and labels of some samples."""
    ids = draw(st.lists(st.sampled_from([*known, "unknown"]), min_size=1, unique=True))
    if "unknown" in ids and len(ids) == 1:
        ids.append(known[0])
    row = st.lists(LABELS, min_size=len(ids), max_size=len(ids))
    return ids, draw(st.lists(row, min_size=1, max_size=4)) * draw(st.sampled_from([1, 33]))
