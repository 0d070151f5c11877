"""Pooling is settled in the same way for every backend."""

import pytest

from invert_core.errors import DataError, ModelError
from invert_core.models.axes import Axes
from invert_core.models.backend import Layer, Reading
from invert_core.models.pooling import Flattened, choose_pooling, leave_padding_out, read_as

FOLLOWED = Axes(0, 1, "followed")


def chosen(rank, pool="auto", channel_axis=None, batch_axis=None, found=FOLLOWED):
    return choose_pooling(Reading("x", pool, channel_axis, batch_axis), (None,) * rank, found)


def test_automatic_pooling_goes_by_rank():
    found = [chosen(rank) for rank in (2, 3, 4, 5)]
    assert [each.kind for each, _ in found] == ["none", "mean", "mean", "mean"]
    assert [axes for _, axes in found] == [FOLLOWED] * 4


def test_samples_are_moved_to_the_front():
    pooling, axes = chosen(4, found=Axes(2, 1, "followed"))
    assert (axes.batch, axes.channel) == (2, 1)
    assert (pooling.order, pooling.channel_axis, pooling.other_axes) == ([2, 0, 1, 3], 2, [1, 3])
    pooling, axes = chosen(3, channel_axis=2, batch_axis=1)
    assert (axes.batch, axes.channel, axes.reason) == (1, 2, "as asked")
    assert (pooling.order, pooling.channel_axis, pooling.other_axes) == ([1, 0, 2], 2, [1])
    pooling, axes = chosen(2, batch_axis=-1, found=Axes(0, 1))
    assert (axes.batch, axes.channel, pooling.order) == (1, 0, [1, 0])


def test_a_layer_of_samples_alone_is_one_unit():
    pooling, axes = chosen(1, found=Axes(0, None, "no other axis"))
    assert (pooling.kind, pooling.rank, axes.channel) == ("none", 1, None)


def test_a_layer_whose_channels_nothing_tells_needs_an_axis():
    unknown = Axes(0, None, "nothing tells which axis counts the channels")
    with pytest.raises(
        ModelError, match=r"shape \[\?, \?, \?\], and nothing tells .*-l 'x:axis=2'"
    ):
        chosen(3, found=unknown)
    assert chosen(3, channel_axis=2, found=unknown)[1] == Axes(0, 2, "as asked")


@pytest.mark.parametrize(
    ("shape", "batch", "axis"),
    [
        ((None, 172, 88), 0, 2),
        ((2, None, 128), 1, 2),
        ((None, 4, None), 0, 1),
        ((None, 900, 161, 1), 0, 2),
        ((7, None), 1, 0),
        ((1, None), 0, 1),
    ],
)
def test_the_axis_in_a_hint_is_one_that_may_count_units(shape, batch, axis):
    with pytest.raises(
        ModelError, match=f"-l 'x:axis={axis}'; samples are taken from axis {batch}"
    ):
        choose_pooling(Reading("x"), shape, Axes(batch, None, "nothing tells"))


def test_a_layer_is_listed_as_it_would_be_read():
    layer = Layer("x", "", "Conv", (None, 8, 5, 4), 8, "mean", axes=Axes(0, 1, "followed"))
    assert read_as(layer, Reading("x", "max")).pool == "max"
    assert read_as(layer, Reading("x", "flatten")).n_units == 160
    last = read_as(layer, Reading("x", channel_axis=-1))
    assert (last.n_units, last.axes) == (4, Axes(0, 3, "as asked"))
    assert read_as(layer, Reading("x", batch_axis=2, channel_axis=1)).axes.batch == 2


@pytest.mark.parametrize("pool", ["mean", "max", "flatten", "none"])
def test_a_layer_of_samples_and_units_stays_as_it_is(pool):
    assert chosen(2, pool)[0].kind == "none"


def test_the_axes_that_can_be_chosen_are_named():
    with pytest.raises(ModelError, match=r"Choose 1, or -1") as caught:
        chosen(2, channel_axis=7)
    with pytest.raises(ModelError, match=r"Choose one from 1 to 2, or -1"):
        chosen(3, channel_axis=7)
    assert "the channel axis cannot be 7" in str(caught.value)


def test_a_channel_axis_may_be_counted_from_the_end():
    pooling, _ = chosen(4, "max", -1)
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
        chosen(rank, pool, channel_axis)


def test_tokens_are_neither_flattened_nor_taken_for_units():
    with pytest.raises(ModelError, match="counts tokens on axis 1, and samples differ"):
        leave_padding_out("x", chosen(3, "flatten", 2)[0], (1,))
    for rank, axis in ((3, 2), (2, 1)):
        with pytest.raises(ModelError, match=rf"Axis {axis} .* counts tokens.*-l 'x:axis=2'"):
            leave_padding_out("x", chosen(rank, channel_axis=axis)[0], (axis,))
    assert leave_padding_out("x", chosen(4, "max")[0], (2, 3)).token_axes == (2, 3)


def test_units_are_named_by_channel_and_place():
    flattened = Flattened("x", chosen(4, "flatten")[0])
    flattened.note((2, 2, 3))
    names = flattened.names()
    assert names[:4] == ("0@0,0", "0@0,1", "0@0,2", "0@1,0")
    assert names[-1] == "1@1,2"
    last = Flattened("x", chosen(3, "flatten", 2)[0])
    last.note((2, 3))
    assert last.names()[:3] == ("0@0", "0@1", "1@0")


def test_samples_of_another_shape_are_refused():
    flattened = Flattened("x", chosen(4, "flatten")[0])
    flattened.note((2, 2, 3))
    flattened.note((2, 2, 3))
    with pytest.raises(DataError, match=r"\(2, 3, 2\) for these samples and had shape \(2, 2, 3\)"):
        flattened.note((2, 3, 2))
