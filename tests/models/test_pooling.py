"""Pooling is settled in the same way for every backend."""

import pytest

from invert_core.errors import DataError, ModelError
from invert_core.models.pooling import Flattened, choose_pooling, leave_padding_out


def test_automatic_pooling_goes_by_rank():
    found = [choose_pooling("x", rank, "auto", None) for rank in (2, 3, 4, 5)]
    assert [each.kind for each in found] == ["none", "mean", "mean", "mean"]
    assert [each.channel_axis for each in found] == [1, 2, 1, 1]


@pytest.mark.parametrize("pool", ["mean", "max", "flatten", "none"])
def test_a_layer_of_samples_and_units_stays_as_it_is(pool):
    assert choose_pooling("x", 2, pool, None).kind == "none"


def test_a_channel_axis_may_be_counted_from_the_end():
    pooling = choose_pooling("x", 4, "max", -1)
    assert (pooling.channel_axis, pooling.other_axes) == (3, [1, 2])


@pytest.mark.parametrize(
    ("rank", "pool", "channel_axis", "reason"),
    [
        (4, "none", None, "only a layer of 2 axes needs no pooling"),
        (4, "first", None, "only a layer of 3 axes has a first token"),
        (2, "last", None, "only a layer of 3 axes has a last token"),
        (3, "mean", 0, "the channel axis cannot be 0"),
        (3, "mean", 3, "the channel axis cannot be 3"),
        (3, "mean", -3, "the channel axis cannot be -3"),
    ],
)
def test_a_pooling_that_makes_no_sense_is_refused(rank, pool, channel_axis, reason):
    with pytest.raises(ModelError, match=reason):
        choose_pooling("x", rank, pool, channel_axis)


def test_tokens_are_neither_flattened_nor_taken_for_units():
    with pytest.raises(ModelError, match="counts tokens on axis 1, and samples differ"):
        leave_padding_out("x", choose_pooling("x", 3, "flatten", None), (1,))
    for rank, axis in ((3, 2), (2, 1)):
        with pytest.raises(ModelError, match=rf"Axis {axis} .* counts tokens.*--channel-axis"):
            leave_padding_out("x", choose_pooling("x", rank, "auto", None), (axis,))
    assert leave_padding_out("x", choose_pooling("x", 4, "max", None), (2, 3)).token_axes == (2, 3)


def test_units_are_named_by_channel_and_place():
    flattened = Flattened("x", choose_pooling("x", 4, "flatten", None))
    flattened.note((2, 2, 3))
    names = flattened.names()
    assert names[:4] == ("0@0,0", "0@0,1", "0@0,2", "0@1,0")
    assert names[-1] == "1@1,2"
    last = Flattened("x", choose_pooling("x", 3, "flatten", None))
    last.note((2, 3))
    assert last.names()[:3] == ("0@0", "0@1", "1@0")


def test_samples_of_another_shape_are_refused():
    flattened = Flattened("x", choose_pooling("x", 4, "flatten", None))
    flattened.note((2, 2, 3))
    flattened.note((2, 2, 3))
    with pytest.raises(DataError, match=r"\(2, 3, 2\) for these samples and had shape \(2, 2, 3\)"):
        flattened.note((2, 3, 2))
