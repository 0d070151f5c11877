from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from invert_core.concepts import Alias, ConceptSet
from invert_core.errors import DataError, UnknownNameError
from tests.concepts import drawn
from tests.concepts.contents import contents

SIZES = st.sampled_from([1, 2, 63, 64, 65, 127, 128, 129]) | st.integers(1, 200)
tables = st.tuples(SIZES, st.integers(1, 70)).flatmap(
    lambda shape: hnp.arrays(np.bool_, shape, elements=st.booleans(), fill=st.booleans())
)


def numbered(table):
    ids = [f"c{column}" for column in range(table.shape[1])]
    samples = [f"s{row}" for row in range(table.shape[0])]
    return ConceptSet.from_arrays(table, id=ids, sample_id=samples)


@given(tables)
def test_packing_keeps_every_label(table):
    concepts = numbered(table)
    np.testing.assert_array_equal(concepts.dense(), table)
    np.testing.assert_array_equal(concepts.n_positive, table.sum(axis=0))
    np.testing.assert_array_equal(concepts.fraction, table.sum(axis=0) / len(table))
    np.testing.assert_array_equal(concepts.extent("c0"), table[:, 0])
    for sample, concept in np.argwhere(table)[:10]:
        word = int(concepts.bits[concept, sample // 64])
        assert word >> (int(sample) % 64) & 1


@given(tables, st.randoms())
def test_pairs_in_any_order_and_repeated_pack_like_the_table(table, random):
    pairs = np.argwhere(table).tolist() * 2
    random.shuffle(pairs)
    pairs = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    concepts = ConceptSet.from_pairs(
        pairs[:, 0],
        pairs[:, 1],
        len(table),
        id=numbered(table).id,
        sample_id=numbered(table).sample_id,
    )
    assert contents(concepts) == contents(numbered(table))


@given(drawn.tables())
def test_minus_one_and_nan_are_labels_that_are_not_defined(table):
    known = table != drawn.UNDEFINED
    floats = np.where(known, table, np.nan)
    pairs = [np.argwhere(table == value).T for value in (1, drawn.UNDEFINED)]
    for concepts in (
        numbered(table),
        numbered(floats),
        numbered(floats.astype(np.float16)),
        ConceptSet.from_pairs(
            *pairs[0],
            len(table),
            id=numbered(table).id,
            sample_id=numbered(table).sample_id,
            undefined=tuple(pairs[1]),
        ),
    ):
        assert contents(concepts) == contents(numbered(table))
        assert (concepts.defined is None) == known.all()
        np.testing.assert_array_equal(concepts.dense(), table == 1)
        np.testing.assert_array_equal(concepts.n_defined, known.sum(axis=0))
        np.testing.assert_array_equal(
            concepts.fraction, (table == 1).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        )
        np.testing.assert_array_equal(concepts.defined_on("c0"), known[:, 0])
        np.testing.assert_array_equal(concepts.extent("c0"), table[:, 0] == 1)


@given(drawn.tables(), st.randoms())
def test_samples_and_concepts_are_picked_with_what_is_defined(table, random):
    rows = random.sample(range(len(table)), random.randint(1, len(table)))
    columns = random.sample(range(table.shape[1]), random.randint(1, table.shape[1]))
    picked = numbered(table).take(rows).select(columns)
    expected = ConceptSet.from_arrays(
        table[rows][:, columns],
        id=[f"c{column}" for column in columns],
        sample_id=[f"s{row}" for row in rows],
    )
    assert contents(picked) == contents(expected)


def test_labels_that_are_true_and_not_defined_are_refused():
    with pytest.raises(DataError, match="'b' is true on samples on which it is not defined"):
        ConceptSet.from_pairs([0, 1], [0, 1], 2, id=["a", "b"], undefined=([1], [1]))


@given(tables, st.randoms())
def test_taking_samples_equals_indexing_the_table(table, random):
    rows = random.sample(range(len(table)), random.randint(1, len(table)))
    taken = numbered(table).take(rows)
    np.testing.assert_array_equal(taken.dense(), table[rows])
    assert taken.sample_id == tuple(f"s{row}" for row in rows)


@pytest.mark.parametrize(
    "dtype", [np.bool_, np.uint8, np.int64, np.float32, np.float64], ids=lambda kind: kind.__name__
)
@pytest.mark.parametrize("order", ["C", "F"])
def test_labels_of_any_number_type_are_taken(dtype, order):
    table = np.array([[0, 1, 1], [1, 0, 1]], dtype=dtype, order=order)
    np.testing.assert_array_equal(numbered(table).dense(), table.astype(bool))


@pytest.mark.parametrize("wrong", [2, -2, 0.5, np.inf])
def test_another_label_is_named_with_concept_and_sample(wrong):
    table = np.zeros((3, 2))
    table[2, 1] = wrong
    with pytest.raises(DataError, match="concept 'c1' on sample 's2' is"):
        numbered(table)
    with pytest.raises(DataError, match="concept 'c1' on sample number 2"):
        ConceptSet.from_arrays(table, id=["c0", "c1"])


@pytest.mark.parametrize(
    "labels", [[0, 1], [[["0"]]], [["0", "1"]], np.array([[None, 1]]), np.zeros((0, 2)), 1]
)
def test_what_is_no_table_of_labels_is_refused(labels):
    with pytest.raises(DataError):
        ConceptSet.from_arrays(labels, id=["a", "b"])


def test_ambiguous_names_are_known():
    concepts = ConceptSet.from_arrays(
        np.eye(3), id=["n1", "n2", "n3"], name=["crane", "box", "crane"]
    )
    assert concepts.ambiguous_names == {"crane"}


def test_reordering_concepts_keeps_what_belongs_together():
    concepts = ConceptSet.from_arrays(
        [[1, 0, 0], [1, 1, 0]],
        id=["a", "b", "c"],
        name=["A", "B", "C"],
        definition=["first", "second", "third"],
        parents=[[1, 0], [2, 1]],
    )
    other = concepts.select([2, 0, 1])
    assert (other.id, other.name) == (("c", "a", "b"), ("C", "A", "B"))
    assert other.definition == ("third", "first", "second")
    np.testing.assert_array_equal(other.extent("b"), concepts.extent("b"))
    edges = [(other.id[child], other.id[parent]) for child, parent in other.parents]
    assert edges == [("b", "a"), ("c", "b")]


MERGED = replace(
    ConceptSet.from_arrays(np.eye(3), id=["a", "b", "c"], parents=[[0, 1], [1, 2]]),
    aliases=(Alias("old", "an old one", 1), Alias("older", "an older one", 2)),
)


def test_an_alias_is_found_by_its_id():
    assert MERGED.index("old") == MERGED.index("b") == 1
    np.testing.assert_array_equal(MERGED.extent("old"), MERGED.extent("b"))
    assert MERGED.defined_on("older").all()


def test_some_aliases_may_be_concepts_again():
    apart = MERGED.with_aliases_apart(MERGED.aliases[1:])
    assert apart.id == ("a", "b", "c", "older")
    assert (apart.name[3], apart.definition[3]) == ("an older one", "")
    assert apart.aliases == MERGED.aliases[:1]
    assert apart.parents.tolist() == [[0, 1], [1, 2]]
    np.testing.assert_array_equal(apart.extent("older"), MERGED.extent("c"))


def test_picking_concepts_leaves_out_aliases_and_edges_of_the_others():
    picked = MERGED.select([1, 0])
    assert picked.id == ("b", "a")
    assert picked.aliases == (Alias("old", "an old one", 0),)
    assert picked.parents.tolist() == [[1, 0]]
    with pytest.raises(UnknownNameError):
        picked.index("older")


def test_an_unknown_id_hints_at_near_ids_and_at_names():
    concepts = ConceptSet.from_arrays(np.eye(2), id=["n0201", "n0202"], name=["crane", "crane"])
    with pytest.raises(UnknownNameError, match=r"Did you mean .*'n0201'.*invert concepts show"):
        concepts.index("n020")
    with pytest.raises(UnknownNameError, match="the name of 'n0201', 'n0202'"):
        concepts.index("crane")
    with pytest.raises(UnknownNameError, match=r"'zzz'\. List all concepts"):
        concepts.index("zzz")


GOOD = ConceptSet.from_arrays(np.eye(3), id=["a", "b", "c"], sample_id=["x", "y", "z"])


def test_the_name_of_an_alias_hints_at_its_id():
    with pytest.raises(UnknownNameError, match="It is the name of 'old'") as caught:
        MERGED.index("an old one")
    assert "Did you mean" not in caught.value.hint


def test_all_labels_defined_is_the_same_as_nothing_said():
    assert replace(GOOD, defined=np.full((3, 1), 7, np.uint64)).defined is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"id": ("a", "b", "a")}, "concept id repeats: 'a'"),
        ({"id": ("a", "b", "")}, "concept id is empty"),
        ({"id": ("a", "b", 3)}, "concept id 3 is not text"),
        ({"id": ("a", "b")}, "2 concept|3 concept"),
        ({"id": ("a", "b", "c\0")}, "NUL"),
        ({"id": ("a", "b", "c\ud800")}, "surrogate"),
        ({"name": ("a", "b")}, "2 concept names, but 3"),
        ({"name": ("a", "b", "")}, "concept name is empty"),
        ({"definition": ("",)}, "1 concept definitions, but 3"),
        ({"sample_id": ("x", "y")}, "2 sample ids, but 3"),
        ({"sample_id": ("x", "y", "y")}, "sample id repeats: 'y'"),
        ({"sample_id": ("x", "y", "")}, "sample id is empty"),
        ({"n_samples": 2}, "sample ids, but 2"),
        ({"n_samples": 2, "sample_id": None}, "after the last of 2"),
        ({"n_samples": 65, "sample_id": None}, "bits have shape"),
        ({"n_samples": 0, "sample_id": None}, "at least one"),
        ({"bits": np.zeros((3, 1), np.int64)}, "type int64"),
        ({"bits": np.zeros((3, 2), np.uint64)}, r"shape \(3, 2\)"),
        ({"bits": np.full((3, 1), 2**63, np.uint64)}, "after the last of 3"),
        ({"parents": np.array([[0, 3]])}, "from 0 to 3"),
        ({"parents": np.array([[-1, 0]])}, "from -1 to 0"),
        ({"parents": np.array([[1, 1]])}, "'b' is named as a parent of itself"),
        ({"parents": np.array([[0, 1, 2]])}, r"shape \(1, 3\)"),
        ({"parents": np.array([[0.0, 1.0]])}, "type float64"),
        ({"defined": np.full((3, 1), 7, np.int64)}, "what is defined have shape .* type int64"),
        ({"defined": np.full((2, 1), 7, np.uint64)}, r"what is defined have shape \(2, 1\)"),
        ({"defined": np.full((3, 1), 15, np.uint64)}, "what is defined are set after"),
        ({"defined": np.full((3, 1), 5, np.uint64)}, "'b' is true on samples on which it is not"),
        ({"aliases": (Alias("a", "again", 1),)}, "concept id repeats: 'a'"),
        ({"aliases": (Alias("d", "x", 1), Alias("d", "y", 2))}, "concept id repeats: 'd'"),
        ({"aliases": (Alias("", "nothing", 1),)}, "concept id is empty"),
        ({"aliases": (Alias("d", "", 1),)}, "concept name is empty"),
        ({"aliases": (Alias("d", "none", 3),)}, "alias 'd' stands for concept number 3"),
        ({"aliases": (Alias("d", "none", -1),)}, "alias 'd' stands for concept number -1"),
    ],
)
def test_parts_that_do_not_fit_are_refused(change, words):
    with pytest.raises(DataError, match=words) as caught:
        replace(GOOD, **change)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("sample", "concept", "words"),
    [
        ([0, 3], [0, 0], "sample indices reach from 0 to 3"),
        ([-1], [0], "sample indices reach from -1"),
        ([0], [2], "concept indices reach from 2 to 2"),
        ([0, 1], [0], "2 sample indices and 1 concept"),
        ([0.5], [0], "type float64"),
        ([[0]], [[0]], r"shape \(1, 1\)"),
    ],
)
def test_pairs_out_of_range_are_refused(sample, concept, words):
    with pytest.raises(DataError, match=words):
        ConceptSet.from_pairs(sample, concept, 3, id=["a", "b"])


def test_no_pair_at_all_is_a_set_of_empty_concepts():
    assert ConceptSet.from_pairs([], [], 3, id=["a", "b"]).n_positive.tolist() == [0, 0]


def test_too_few_sample_ids_are_counted_before_a_label_is_named():
    with pytest.raises(DataError, match="There are 1 sample ids, but 2 are needed"):
        ConceptSet.from_arrays([[0], [5]], id=["a"], sample_id=["x"])


def test_more_samples_than_can_be_compared_exactly_are_refused():
    size = 2**27 + 1
    with pytest.raises(DataError, match="134,217,729 samples, more than 134,217,728"):
        ConceptSet.from_pairs([], [], size, id=["a"])


def test_labels_that_would_fill_the_memory_are_refused_before_it_is_taken():
    ids = [f"c{number}" for number in range(2000)]
    with pytest.raises(DataError, match="2,000 concepts of 100,000,000 samples would take 23 GiB"):
        ConceptSet.from_pairs([0], [0], 100_000_000, ids)
