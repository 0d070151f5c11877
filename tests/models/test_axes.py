"""What the axes of a tensor count is followed as NumPy moves the numbers."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_core.models import axes
from invert_core.models.axes import BATCH, CHANNEL, PLACE, UNKNOWN, Axes, Factor, Trace

KINDS = (BATCH, CHANNEL, PLACE, "rows", "columns")


def begin(sizes):
    """A trace whose axes all count different things, and the number of each thing everywhere."""
    kinds = KINDS[: len(sizes)]
    trace = Trace(
        tuple((Factor(kind, size),) for kind, size in zip(kinds, sizes, strict=True)), "Conv"
    )
    return trace, dict(zip(kinds, np.indices(sizes), strict=True))


def counted(numbers):
    """What changes along each axis, as loops over all pairs of neighbours see it."""
    rank = next(iter(numbers.values())).ndim
    return [
        {kind for kind, array in numbers.items() if np.diff(array, axis=axis).any()}
        for axis in range(rank)
    ]


def claimed(trace):
    return [{factor.kind for factor in axis if factor.size != 1} - {UNKNOWN} for axis in trace.axes]


@st.composite
def regroupings(draw, sizes):
    """Another shape of the same size: neighbouring axes are merged, or split in two."""
    sizes = list(sizes)
    for _ in range(draw(st.integers(1, 3))):
        axis = draw(st.integers(0, len(sizes) - 1))
        if draw(st.booleans()) and axis + 1 < len(sizes):
            sizes[axis : axis + 2] = [sizes[axis] * sizes[axis + 1]]
        else:
            divisors = [each for each in range(1, sizes[axis] + 1) if sizes[axis] % each == 0]
            outer = draw(st.sampled_from(divisors))
            sizes[axis : axis + 1] = [outer, sizes[axis] // outer]
    return tuple(sizes)


@given(st.data())
def test_moves_and_reshapes_are_followed_as_numbers_move(data):
    sizes = data.draw(st.lists(st.integers(1, 4), min_size=2, max_size=4).map(tuple))
    trace, numbers = begin(sizes)
    for _ in range(data.draw(st.integers(1, 4))):
        if data.draw(st.booleans()):
            order = data.draw(st.permutations(range(len(trace.axes))))
            trace = axes.transposed(trace, order)
            numbers = {kind: array.transpose(order) for kind, array in numbers.items()}
        else:
            shape = data.draw(regroupings(trace.sizes))
            trace = axes.reshaped(trace, shape)
            numbers = {kind: array.reshape(shape) for kind, array in numbers.items()}
        assert trace.sizes == next(iter(numbers.values())).shape
        found, right = claimed(trace), counted(numbers)
        # What is unknown makes no claim, and what is claimed is right.
        unknown = [any(factor.kind == UNKNOWN for factor in axis) for axis in trace.axes]
        assert all(
            lost or kinds == true for lost, kinds, true in zip(unknown, found, right, strict=True)
        )


@given(st.data())
def test_merging_and_splitting_again_loses_nothing(data):
    sizes = data.draw(st.lists(st.integers(2, 5), min_size=2, max_size=4).map(tuple))
    trace, _ = begin(sizes)
    first = data.draw(st.integers(0, len(sizes) - 2))
    merged = (*sizes[:first], sizes[first] * sizes[first + 1], *sizes[first + 2 :])
    assert axes.reshaped(axes.reshaped(trace, merged), sizes) == trace


def test_lengths_without_numbers_are_followed_where_they_stay():
    trace = axes.traced(("n", 8, "t"), batch=0, channel=1)
    assert claimed(axes.reshaped(trace, ("n", 2, 4, "t"))) == [{BATCH}, {CHANNEL}, {CHANNEL}, set()]
    assert axes.decided(axes.reshaped(trace, (None, 8, "t"))).channel == 1
    assert axes.decided(axes.reshaped(trace, (None, None, "t"))).channel is None


def test_heads_that_are_merged_again_are_channels_again():
    trace = axes.traced(("n", "t", 12), batch=0, channel=2)
    heads = axes.transposed(axes.reshaped(trace, ("n", "t", 3, 4)), (0, 2, 1, 3))
    assert "axes 1 and 3 both hold channels" in axes.decided(heads).reason
    whole = axes.reshaped(axes.transposed(heads, (0, 2, 1, 3)), ("n", "t", 12))
    assert axes.decided(whole).channel == 2
    scores = axes.multiplied(heads, axes.transposed(heads, (0, 1, 3, 2)), ("n", 3, "t", "t"))
    assert axes.decided(scores).channel == 1


def test_of_two_operands_the_one_that_is_not_broadcast_counts():
    wide = Trace(axes.traced((2, 8, 5), batch=0, channel=1).axes, "Conv 'wide'")
    gate = axes.traced((2, 8, 1), batch=0, channel=1)
    assert axes.decided(axes.joined([gate, wide], (2, 8, 5))).channel == 1
    other = axes.traced((2, 8, 5), batch=0, channel=2)
    assert axes.decided(axes.joined([wide, other], (2, 8, 5))).channel is None
    stored = axes.traced((2, 8, 5), batch=0)
    assert axes.decided(axes.joined([stored, wide], (2, 8, 5))) == Axes(
        0, 1, "channels of Conv 'wide'"
    )


def test_an_axis_of_nothing_but_channels_goes_before_a_merged_one():
    trace = Trace(
        (
            (Factor(BATCH, "n"),),
            (Factor(CHANNEL, 3), Factor(PLACE, 20)),
            (Factor(CHANNEL, 85),),
        ),
        "Conv 'head'",
    )
    assert axes.decided(trace) == Axes(0, 2, "channels of Conv 'head'")
    merged = Trace((*trace.axes[:2], (Factor(PLACE, 7),)), "Conv 'head'")
    assert axes.decided(merged).channel == 1


def test_an_axis_whose_length_varies_counts_no_units():
    trace = axes.traced(("n", 8, "t"), batch=0)
    assert axes.decided(trace).channel is None
    assert axes.decided(trace, varying={2}).channel == 1
    assert axes.decided(trace, varying={1, 2}).reason == "the length of every other axis varies"
    assert axes.decided(axes.traced(("n", "t"), batch=0), varying={1}).channel is None
    assert "counts the samples" in axes.decided(axes.traced(("t", 8)), varying={0}).reason


def test_samples_that_share_their_axis_are_not_told_apart():
    trace = axes.reshaped(axes.traced((2, 5, 8), batch=0, channel=2), (10, 8))
    assert axes.decided(trace).reason == "axis 0 counts samples and something else together"


@pytest.mark.parametrize("size", [1, 2])
def test_places_that_were_cut_or_summed_stay_places(size):
    trace = axes.with_channels(axes.begun("x", (2, 3, 9), 0, None), 1, "Conv", (2, 8, 9))
    cut = axes.with_sizes(trace, (2, 8, size))
    assert [axis[0].kind for axis in cut.axes] == [BATCH, CHANNEL, PLACE]
    assert math.prod(size for size in cut.sizes if isinstance(size, int)) == 16 * size
