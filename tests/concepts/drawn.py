"""Concept sets with everything a set can hold, drawn by Hypothesis."""

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from invert_core.concepts import Alias, ConceptSet

UNDEFINED = -1
SIZES = st.sampled_from([1, 2, 63, 64, 65, 128]) | st.integers(1, 100)
words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=5)


@st.composite
def tables(draw, max_concepts=6, n_samples=SIZES):
    """Labels int8 [N, C]: 1, 0 and -1 for what is not defined."""
    shape = draw(n_samples), draw(st.integers(1, max_concepts))
    kinds = st.sampled_from([0, 1, UNDEFINED]) if draw(st.booleans()) else st.integers(0, 1)
    return draw(hnp.arrays(np.int8, shape, elements=kinds, fill=kinds))


@st.composite
def concept_sets(draw, with_samples=None):
    """Sets with any names and ids, parents (children first) and aliases."""
    table = draw(tables(n_samples=st.integers(1, 70)))
    n_samples, n_concepts = table.shape
    ids = draw(st.lists(words, min_size=n_concepts, max_size=n_concepts + 2, unique=True))
    named = draw(st.booleans()) if with_samples is None else with_samples
    samples = st.lists(words, min_size=n_samples, max_size=n_samples, unique=True)
    pairs = st.tuples(st.integers(0, n_concepts - 1), st.integers(0, n_concepts - 1))
    edges = draw(st.lists(pairs.filter(lambda pair: pair[0] < pair[1]), max_size=4, unique=True))
    plain = ConceptSet.from_arrays(
        table,
        id=ids[:n_concepts],
        name=draw(st.lists(words, min_size=n_concepts, max_size=n_concepts)),
        definition=draw(st.lists(words | st.just(""), min_size=n_concepts, max_size=n_concepts)),
        sample_id=draw(samples) if named else None,
        parents=edges or None,
    )
    aliases = [
        Alias(id, draw(words), draw(st.integers(0, n_concepts - 1))) for id in ids[n_concepts:]
    ]
    return replace(plain, aliases=tuple(aliases))


def numbered(table, **parts):
    """A set with the ids c0, c1, ... on samples s0, s1, ..."""
    ids = {
        "id": [f"c{column}" for column in range(np.shape(table)[1])],
        "sample_id": [f"s{row}" for row in range(np.shape(table)[0])],
    }
    return ConceptSet.from_arrays(table, **(ids | parts))
