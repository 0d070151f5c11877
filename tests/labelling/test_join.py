import logging

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_core.concepts import ConceptSet
from invert_core.errors import DataError, SettingError
from invert_core.labelling.join import join


def labelled(samples, n_samples=None):
    """Concepts that spell each sample's number in binary, so that rows can be told apart."""
    count = len(samples) if n_samples is None else n_samples
    table = [[row >> bit & 1 for bit in range(7)] for row in range(count)]
    return ConceptSet.from_arrays(table, id=list("abcdefg"), sample_id=samples)


ids = st.lists(st.sampled_from([f"s{n}" for n in range(100)]), min_size=1, max_size=90, unique=True)


@given(ids, ids)
def test_inner_join_keeps_the_common_samples_in_the_order_of_the_activations(ours, theirs):
    common = [id for id in ours if id in theirs]
    concepts = labelled(theirs)
    if len(common) < 2:
        with pytest.raises(DataError):
            join(tuple(ours), len(ours), concepts, "inner")
        return
    rows, joined = join(tuple(ours), len(ours), concepts, "inner")
    kept = list(range(len(ours))) if rows is None else rows.tolist()
    assert (rows is None) == (common == ours)
    assert rows is None or rows.dtype == np.int64
    assert [ours[row] for row in kept] == common == list(joined.sample_id)
    expected = concepts.dense()[[theirs.index(id) for id in common]]
    np.testing.assert_array_equal(joined.dense(), expected)


@given(ids.filter(lambda found: len(found) > 1), st.randoms())
def test_a_permutation_is_reordered(samples, random):
    ours = random.sample(samples, len(samples))
    rows, joined = join(tuple(ours), len(ours), labelled(samples))
    assert rows is None
    assert joined.sample_id == tuple(ours)
    expected = labelled(samples).dense()[[samples.index(id) for id in ours]]
    np.testing.assert_array_equal(joined.dense(), expected)


def test_missing_and_extra_samples_are_counted_and_named():
    ours = tuple("abcdefgh")
    with pytest.raises(DataError) as caught:
        join(ours, 8, labelled(["c", "b", "a", "x", "y"]))
    assert "5 of 8 samples with activations have no concepts ('d', 'e', 'f' and 2 more)" in str(
        caught.value
    )
    assert "2 of 5 samples with concepts have no activations ('x', 'y')." in str(caught.value)
    assert "--join inner" in caught.value.hint


def test_only_the_side_that_lacks_samples_is_named():
    with pytest.raises(DataError, match="1 of 3 samples with concepts") as caught:
        join(("a", "b"), 2, labelled(["a", "b", "c"]))
    assert "samples with activations have" not in str(caught.value)
    with pytest.raises(DataError, match="1 of 3 samples with activations") as caught:
        join(("a", "b", "c"), 3, labelled(["a", "b"]))
    assert "samples with concepts have" not in str(caught.value)


@pytest.mark.parametrize("how", ["strict", "inner"])
@pytest.mark.parametrize(
    ("ours", "theirs", "side"),
    [
        (None, ["x", "y", "z"], "The activations"),
        (("x", "y", "z"), None, "The concepts"),
        (None, None, "Activations and concepts"),
    ],
)
def test_without_ids_on_a_side_samples_are_matched_by_position(ours, theirs, side, how, caplog):
    concepts = labelled(theirs, 3)
    with caplog.at_level(logging.INFO, "invert"):
        rows, joined = join(ours, 3, concepts, how)
    assert rows is None
    assert joined is concepts
    assert f"{side} have no sample ids: samples are matched by position" in caplog.text


@pytest.mark.parametrize("how", ["strict", "inner"])
def test_without_ids_counts_must_be_equal(how):
    with pytest.raises(DataError, match=r"no sample ids .* 4 samples .* 3 with .* 'sample_id'"):
        join(None, 4, labelled(["x", "y", "z"]), how)
    with pytest.raises(DataError, match="concepts have no sample ids"):
        join(("x", "y"), 2, labelled(None, 3), how)


@pytest.mark.parametrize("how", ["strict", "inner"])
def test_no_common_sample_is_an_error_that_shows_both_sides(how):
    with pytest.raises(DataError, match=r"no sample id in common: 'a', 'b' against 'x', 'y'"):
        join(("a", "b"), 2, labelled(["x", "y"]), how)


@pytest.mark.parametrize(
    ("ours", "theirs"), [(("a", "b"), ["x.png", "b.png"]), (("x.png", "b.png"), ["a", "b"])]
)
def test_ids_that_differ_by_a_suffix_only_are_said_to(ours, theirs):
    with pytest.raises(DataError, match=r"differs only by a suffix, as in 'b(\.png)?' aga"):
        join(ours, 2, labelled(theirs))


def test_an_inner_join_says_how_many_samples_are_left(caplog):
    with caplog.at_level(logging.INFO, "invert"):
        join(("a", "b", "c"), 3, labelled(["a", "b", "x", "y"]), "inner")
    assert "2 samples are in both (activations: 3, concepts: 4)." in caplog.text


def test_fewer_than_two_samples_are_an_error():
    with pytest.raises(DataError, match="Only 1 sample"):
        join(("a", "b"), 2, labelled(["a", "c"]), "inner")
    with pytest.raises(DataError, match="Only 1 sample"):
        join(None, 1, labelled(["a"]))


def test_repeated_ids_of_the_activations_are_an_error():
    with pytest.raises(DataError, match="activations repeat"):
        join(("a", "b", "a"), 3, labelled(["a", "b", "c"]))


def test_an_unknown_way_to_join_is_an_error():
    with pytest.raises(SettingError, match="strict, inner"):
        join(None, 3, labelled(["x", "y", "z"]), "outer")
