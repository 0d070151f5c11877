import logging
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_core.concepts import Alias, ConceptSet, combine
from invert_core.errors import DataError, SettingError
from tests.concepts.contents import contents
from tests.concepts.drawn import UNDEFINED, numbered, tables

SAMPLES = [f"s{number}" for number in range(70)]


@st.composite
def sources(draw):
    """Up to three sets of different concepts on any of some samples, in any order."""
    drawn = []
    for number in range(draw(st.integers(1, 3))):
        samples = draw(st.lists(st.sampled_from(SAMPLES), min_size=1, max_size=70, unique=True))
        table = draw(tables(max_concepts=3, n_samples=st.just(len(samples))))
        ids = [f"{number}.{column}" for column in range(table.shape[1])]
        drawn.append(ConceptSet.from_arrays(table, id=ids, sample_id=samples))
    return drawn


def labels_of(concepts):
    """Every label by the ids of its sample and its concept."""
    return {
        (sample, id): int(true) if known else UNDEFINED
        for id in concepts.id
        for sample, true, known in zip(
            concepts.sample_id, concepts.extent(id), concepts.defined_on(id), strict=True
        )
    }


@given(sources(), st.sampled_from(["inner", "outer"]))
def test_every_label_stays_with_its_sample_and_its_concept(sets, how):
    known = [one.sample_id for one in sets]
    kept = set(SAMPLES).intersection(*known) if how == "inner" else set().union(*known)
    if not kept:
        with pytest.raises(DataError, match="no sample id in common"):
            combine(sets, how=how)
        return
    found = combine(sets, how=how)
    asked = [sample for one in known for sample in one if sample in kept]
    assert found.sample_id == tuple(dict.fromkeys(asked))
    assert found.id == tuple(id for one in sets for id in one.id)
    told = {pair: label for one in sets for pair, label in labels_of(one).items()}
    assert labels_of(found) == {
        (sample, id): told.get((sample, id), UNDEFINED)
        for sample in found.sample_id
        for id in found.id
    }


@given(sources().filter(lambda sets: len(sets) > 1), st.randoms())
def test_a_strict_join_takes_the_same_samples_in_any_order_and_no_others(sets, random):
    first, *others = sets
    if any(set(one.sample_id) != set(first.sample_id) for one in others):
        with pytest.raises(DataError, match=r"missing in source \d.*: '.*--join inner.*outer"):
            combine(sets)
    order = random.sample(range(first.n_samples), first.n_samples)
    same = replace(first.take(order), id=tuple(f"other {id}" for id in first.id), name=first.name)
    found = combine([first, same])
    assert contents(found) == contents(combine([first, same], how="inner"))
    assert contents(found) == contents(combine([first, same], how="outer"))
    assert found.sample_id == first.sample_id
    for id in first.id:
        assert found.extent(id).tolist() == found.extent(f"other {id}").tolist()
        assert found.defined_on(id).tolist() == found.defined_on(f"other {id}").tolist()


def one_concept(id, samples):
    return ConceptSet.from_arrays([[1]] * len(samples), id=[id], sample_id=list(samples))


def test_an_inner_join_says_how_many_samples_are_left_out(caplog):
    with caplog.at_level(logging.INFO, "invert"):
        found = combine([one_concept("a", "xyz"), one_concept("b", "wzy")], how="inner")
    assert found.sample_id == ("y", "z")
    assert "2 of 4 samples are in all sources; the others are left out." in caplog.text


def test_an_inner_join_that_leaves_out_nothing_says_nothing(caplog):
    with caplog.at_level(logging.INFO, "invert"):
        combine([one_concept("a", "xyz"), one_concept("b", "zxy")], how="inner")
    assert not caplog.records


def test_a_concept_is_not_defined_on_samples_of_other_sources():
    found = combine([one_concept("a", "xy"), one_concept("b", "yz")], how="outer")
    assert found.sample_id == ("x", "y", "z")
    assert found.defined_on("a").tolist() == [True, True, False]
    assert found.extent("b").tolist() == found.defined_on("b").tolist() == [False, True, True]


def test_sources_without_ids_may_hold_undefined_labels(caplog):
    bare = numbered([[1], [-1], [0]], id=["bare"], sample_id=None)
    with caplog.at_level(logging.INFO, "invert"):
        found = combine([bare, one_concept("b", "xyz")])
    assert found.sample_id == ("x", "y", "z")
    assert found.defined_on("bare").tolist() == [True, False, True]
    assert found.defined_on("b").all()


def test_no_ids_at_all_are_matched_by_position():
    found = combine([numbered(np.eye(2), sample_id=None), numbered([[1], [0]], id=["b"])])
    assert found.sample_id == ("s0", "s1")
    alone = combine(
        [numbered(np.eye(2), sample_id=None), numbered([[1], [0]], id=["b"], sample_id=None)]
    )
    assert alone.sample_id is None
    assert alone.dense().tolist() == [[True, False, True], [False, True, False]]


@pytest.mark.parametrize(
    ("how", "known"), [("inner", [True, True]), ("outer", [True, True, True, False])]
)
def test_rows_without_ids_are_those_of_the_first_source_with_ids(how, known):
    bare = numbered([[1], [0], [1]], id=["bare"], sample_id=None)
    found = combine([one_concept("a", "xyz"), one_concept("b", "yzw"), bare], how=how)
    assert found.defined_on("bare").tolist() == known
    at = dict(zip(found.sample_id, found.extent("bare").tolist(), strict=True))
    assert (at["y"], at["z"]) == (False, True)


@pytest.mark.parametrize(("how", "n_joined"), [("inner", 2), ("outer", 4)])
def test_as_many_rows_without_ids_as_the_join_has_are_not_taken_for_these(how, n_joined):
    bare = numbered([[1]] * n_joined, sample_id=None)
    with pytest.raises(DataError, match=f"are 3 samples in source 1 and {n_joined} in source 3"):
        combine([one_concept("a", "xyz"), one_concept("b", "yzw"), bare], how=how)


MERGED = replace(numbered(np.eye(2)), aliases=(Alias("old", "an old one", 1),))


def test_aliases_and_parents_point_to_the_same_concepts_as_before():
    other = numbered(
        [[0, 1, 1], [1, 0, 1]], id=["x", "y", "z"], parents=[[0, 2], [1, 2]], sample_id=["s1", "s0"]
    )
    found = combine([other, MERGED])
    assert found.id[found.index("old")] == "c1"
    assert found.aliases == (Alias("old", "an old one", 4),)
    again = combine([MERGED, other])
    edges = [(again.id[child], again.id[parent]) for child, parent in again.parents.tolist()]
    assert edges == [("x", "z"), ("y", "z")]


@pytest.mark.parametrize("id", ["c0", "old"])
def test_an_id_may_be_in_one_source_only_even_as_an_alias(id):
    other = numbered([[1], [0]], id=[id])
    with pytest.raises(DataError, match=f"1 concept is in several sources: '{id}'"):
        combine([MERGED, other])


def test_an_unknown_way_to_join_is_refused():
    with pytest.raises(SettingError, match=r"join cannot be 'left'.*strict, inner, outer"):
        combine([MERGED], how="left")


def test_messages_name_the_sources_as_they_are_called():
    with pytest.raises(DataError, match=r"of 'a\.csv' is missing in 'b\.csv': 'x'"):
        combine([one_concept("a", "xy"), one_concept("b", "y")], ["'a.csv'", "'b.csv'"])
    with pytest.raises(DataError, match=r"of 'b\.csv' is missing in 'a\.csv': 'x'"):
        combine([one_concept("a", "y"), one_concept("b", "xy")], ["'a.csv'", "'b.csv'"])
