"""What is wide, deep or of many kinds: right, and in time that goes with its size.

Each of these took a quarter of a minute or more when names or rows were looked for one by one.
"""

import numpy as np
import pytest

from invert_core.concepts import Alias, ConceptSet, read_concepts
from invert_core.concepts.hierarchy.leaving_out import merge_equal
from invert_core.concepts.sources.annotations.categories import supercategories
from tests.tables.written import write


@pytest.mark.parametrize(("suffix", "n_concepts"), [(".csv", 60_000), (".parquet", 3_000)])
def test_wide_tables(tmp_path, suffix, n_concepts):
    ids = [f"c{number}" for number in range(n_concepts)]
    rows = [[sample, *(int(number % 3 == 0) for number in range(n_concepts))] for sample in "xy"]
    path = write(tmp_path, suffix, ["sample_id", *ids], rows)
    concepts = read_concepts(path)
    assert concepts.id == tuple(ids)
    assert concepts.n_positive[:6].tolist() == [2, 0, 0, 2, 0, 0]


def test_long_chains_of_equal_concepts():
    size = 20_000
    chain = ConceptSet.from_arrays(
        np.ones((1, size), np.bool_),
        id=[f"c{number}" for number in range(size)],
        parents=np.stack([np.arange(size - 1), np.arange(1, size)], axis=1),
    )
    found = merge_equal(chain)
    assert found.id == ("c0",)
    assert [alias.id for alias in found.aliases] == list(chain.id[1:])
    assert {alias.concept for alias in found.aliases} == {0}


def test_many_groups_of_categories(tmp_path):
    ids = [f"c{number}" for number in range(50_000)]
    groups = supercategories(tmp_path / "x.json", ids, [f"of {id}" for id in ids])
    assert [group.members for group in groups] == [(row,) for row in range(len(ids))]


def test_many_aliases_that_are_concepts_again():
    aliases = [Alias(f"a{number}", "A", 0) for number in range(20_000)]
    merged = ConceptSet(
        bits=np.ones((1, 1), np.uint64),
        n_samples=1,
        id=("c",),
        name=("c",),
        definition=("",),
        sample_id=None,
        parents=np.zeros((0, 2), np.int64),
        aliases=tuple(aliases),
    )
    apart = merged.with_aliases_apart(aliases[1:])
    assert apart.aliases == (aliases[0],)
    assert apart.id == ("c", *(alias.id for alias in aliases[1:]))
