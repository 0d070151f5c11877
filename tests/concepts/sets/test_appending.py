"""More samples behind those of a concept set."""

import logging
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invert_core.concepts import Alias, ConceptSet, append_samples
from invert_core.errors import DataError

SIZES = st.integers(1, 5) | st.sampled_from((63, 64, 65, 128, 130))


@st.composite
def sets(draw, first_sample):
    """A set of some of eight concepts on samples that count on from `first_sample`."""
    size = draw(SIZES)
    ids = draw(st.permutations("abcdefgh"))[: draw(st.integers(1, 8))]
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    low = draw(st.sampled_from((0, -1)))
    table = rng.integers(low, 2, (size, len(ids)))
    samples = [f"s{first_sample + row}" for row in range(size)]
    return ConceptSet.from_arrays(table, ids, sample_id=samples)


def known_labels(*concept_sets):
    """Every label that is defined, one by one."""
    return {
        (sample, id): bool(one.extent(id)[row])
        for one in concept_sets
        for id in one.id
        for row, sample in enumerate(one.sample_id)
        if one.defined_on(id)[row]
    }


@settings(max_examples=80, deadline=None)
@given(sets(0), sets(1000))
def test_each_label_stays_and_all_others_are_undefined(old, new):
    both = append_samples(old, new)
    assert known_labels(both) == known_labels(old, new)
    assert both.sample_id == (*old.sample_id, *new.sample_id)
    assert both.id == (*old.id, *(id for id in new.id if id not in old.id))


def one(ids, samples, labels=None, **settings):
    table = np.ones((len(samples), len(ids))) if labels is None else labels
    return ConceptSet.from_arrays(table, ids, sample_id=samples, **settings)


def aliased(concepts, *aliases):
    return replace(concepts, aliases=tuple(Alias(*alias) for alias in aliases))


def test_samples_that_are_there_already_are_counted_and_named():
    with pytest.raises(DataError) as caught:
        append_samples(one("a", ["x", "y", "z"]), one("b", ["z", "w", "y"]), ("old.h5", "new.csv"))
    message = str(caught.value)
    assert "2 samples of new.csv are in old.h5, too: 'z', 'y'" in message
    assert "invert concepts build" in message


@pytest.mark.parametrize("without", [0, 1])
def test_without_sample_ids_nobody_can_tell_which_samples_are_new(without):
    both = [one("a", ["x"]), one("b", ["y"])]
    both[without] = ConceptSet.from_arrays([[1]], ["c"])
    with pytest.raises(DataError, match=f"no sample ids in {'AB'[without]}.*'sample_id'"):
        append_samples(*both, called=("A", "B"))


def test_the_first_name_and_definition_count_and_a_difference_is_logged(caplog):
    old = one("abcd", ["x"], name=["Ay", "b", "Cee", "Dee"], definition=["first", "", "", "fourth"])
    new = one("dcba", ["y"], name=["d", "Sea", "Bee", "Ay"], definition=["new", "new", "", "new"])
    with caplog.at_level(logging.INFO, "invert"):
        both = append_samples(old, new, ("old.h5", "new.csv"))
    assert both.name == ("Ay", "Bee", "Cee", "Dee")
    assert both.definition == ("first", "", "new", "fourth")
    assert [record.message for record in caplog.records] == [
        "1 concept has other names in new.csv than in old.h5; the latter count: 'c'."
    ]


def test_parents_are_those_of_both_sets_each_once():
    old = one(["dog", "pet", "pug"], ["x"], parents=[[0, 1], [2, 0]])
    new = one(["cat", "dog", "pet"], ["y"], parents=[[0, 2], [1, 2]])
    both = append_samples(old, new)
    edges = [(both.id[child], both.id[parent]) for child, parent in both.parents.tolist()]
    assert edges == [("dog", "pet"), ("pug", "dog"), ("cat", "pet")]


@pytest.mark.parametrize("parents", [[[2, 1], [1, 0]], [[1, 0], [2, 1]]])
def test_what_carries_a_concept_carries_those_above_it_unless_the_source_says_no(caplog, parents):
    ids = ["animal", "dog", "pug"]
    old = one(ids, ["x"], [[1, 1, 0]], parents=parents)
    new = one(["pug"], ["y", "z"], [[1], [0]])
    with caplog.at_level(logging.INFO, "invert"):
        both = append_samples(old, new)
    assert known_labels(both) == known_labels(old, new) | {
        ("y", "dog"): True,
        ("y", "animal"): True,
    }
    assert caplog.records[-1].message == "2 labels of parents follow from concepts below them."
    said = one(["pug", "dog"], ["y"], [[1, 0]])
    assert known_labels(append_samples(old, said)) == known_labels(old, said)


def test_parents_that_lead_in_a_circle_together_are_refused():
    old = one(["a", "b"], ["x"], parents=[[0, 1]])
    new = one(["a", "b"], ["y"], parents=[[1, 0]])
    with pytest.raises(DataError, match="circle: 'a' -> 'b' -> 'a'"):
        append_samples(old, new)


def test_aliases_are_kept_on_either_side():
    old = aliased(one(["a"], ["x"]), ("old", "Old", 0), ("both", "Both", 0))
    new = aliased(one(["b", "a"], ["y"]), ("both", "Other", 1), ("new", "New", 0))
    both = append_samples(old, new)
    assert both.aliases == (
        Alias("old", "Old", 0),
        Alias("both", "Both", 0),
        Alias("new", "New", 1),
    )


def test_an_alias_that_the_other_side_tells_apart_is_a_concept_again(caplog):
    old = aliased(one(["a", "b"], ["x", "y"], [[1, 0], [0, 1]]), ("c", "See", 1), ("d", "Dee", 0))
    new = aliased(one(["c", "b"], ["z"], [[1, 0]]), ("d", "D", 1))
    with caplog.at_level(logging.INFO, "invert"):
        both = append_samples(old, new, ("old.h5", "new.csv"))
    assert both.aliases == ()
    assert both.name[both.index("c")] == "See"
    assert known_labels(both) == known_labels(old, new) | {
        ("x", "c"): False,
        ("y", "c"): True,
        ("x", "d"): True,
        ("y", "d"): False,
        ("z", "d"): False,
    }
    assert "2 aliases of old.h5 are concepts again" in caplog.text
    assert "1 alias of new.csv is a concept again" in caplog.text
