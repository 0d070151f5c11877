"""Follows what the axes of a tensor count, from the operator that makes channels to a layer.

Every axis of a tensor is a product of factors, the outermost first: an axis that was made by
merging channels and rows has two. Backends say what an operator does with one of the functions
below, which are the same for ONNX nodes and for PyTorch operators. `decided` then finds the axis of
the samples and the axis of the units.
"""

import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

Size = int | str | None
"""The length of an axis: a number, the name of a length that may vary, or None if unknown."""

BATCH = "batch"
CHANNEL = "channel"
PLACE = "place"
GIVEN = "given"
UNKNOWN = "unknown"

TOGETHER = "counts samples and something else together"
NOTHING_TELLS = "nothing tells which axis counts the channels"
_LOOKS_LIKE_IMAGES = ", which looks like images"


class Factor(NamedTuple):
    """A part of an axis: what it counts, and its length.

    `kind` is BATCH for samples, CHANNEL for channels, PLACE for pixels, time or tokens, GIVEN for
    an axis of an input about which nothing is said, or UNKNOWN where an axis could not be followed.
    """

    kind: str
    size: Size


Axis = tuple[Factor, ...]


@dataclass(frozen=True)
class Trace:
    """What the axes of a tensor count.

    Attributes
    ----------
    axes : tuple of Axis
        The factors of every axis.
    source : str
        What made the channels, such as "Conv 'stem'"; "" if there are none.
    """

    axes: tuple[Axis, ...]
    source: str = ""

    @property
    def sizes(self) -> tuple[Size, ...]:
        """The length of every axis."""
        return tuple(_product([factor.size for factor in axis]) for axis in self.axes)

    @property
    def counted(self) -> int | None:
        """The axis that holds samples; None if none is known to."""
        return next((axis for axis in range(len(self.axes)) if self.has(axis, BATCH)), None)

    @property
    def is_followed(self) -> bool:
        """Whether it is known where samples are, and no axis was lost."""
        lost = any(UNKNOWN in _kinds(axis) for axis in self.axes)
        return self.counted is not None and (len(self.axes) < 3 or not lost)

    def has(self, axis: int, kind: str) -> bool:
        """Return whether an axis has a factor of a kind."""
        return any(factor.kind == kind for factor in self.axes[axis])


@dataclass(frozen=True)
class Axes:
    """The axes of a layer that count samples and units, and how they are known.

    Attributes
    ----------
    batch : int
        The axis that counts the samples.
    channel : int or None
        The axis that counts the units; None if it is not known, or if the layer is one unit.
    reason : str
        How they are known, such as "channels of Conv 'stem'", or why they are not.
    certain : bool
        Whether they were asked for or followed; False if they are a guess.
    """

    batch: int = 0
    channel: int | None = None
    reason: str = ""
    certain: bool = True


NO_AXES = Axes()


def traced(
    sizes: Sequence[Size],
    *,
    batch: int | None = None,
    channel: int | None = None,
    others: str = UNKNOWN,
) -> Trace:
    """Return the trace of a tensor of which at most these two axes are known.

    >>> traced(("n", 8, 4), batch=0).axes[0]
    (Factor(kind='batch', size='n'),)
    """
    kinds = {batch: BATCH, channel: CHANNEL}
    return Trace(tuple((Factor(kinds.get(axis, others), size),) for axis, size in enumerate(sizes)))


def channels_of_image(sizes: Sequence[Size]) -> int | None:
    """Return the axis of the channels if a tensor has the shape of images; None otherwise.

    >>> channels_of_image((None, 3, 224, 224)), channels_of_image(("n", None, None, 3))
    (1, 3)
    """
    if len(sizes) != 4:
        return None
    first, last = (sizes[axis] in _CHANNELS_OF_IMAGES for axis in (1, 3))
    if first == last:
        return None
    return 1 if first else 3


_CHANNELS_OF_IMAGES = (1, 3, 4)


def begun(name: str, sizes: Sequence[Size], batch: int | None, channel: int | None) -> Trace:
    """Return the trace of an input of a model; images are guessed by their number of channels."""
    source = f"the input {name!r}"
    if channel is None:
        channel, source = channels_of_image(sizes), source + _LOOKS_LIKE_IMAGES
    trace = traced(sizes, batch=batch, channel=channel, others=GIVEN)
    return Trace(trace.axes, "" if channel is None else source)


def with_channels(
    trace: Trace, axis: int, source: str, sizes: Sequence[Size], *, mixes: bool = False
) -> Trace:
    """Return the output of an operator that makes channels on an axis, such as a convolution.

    Samples stay where they were, and other axes become places if anything was known about them.

    Parameters
    ----------
    trace : Trace
        The input, of the same rank.
    axis : int
        The axis of the new channels; a negative one counts from the end.
    source : str
        What makes them.
    sizes : sequence of Size
        The lengths of the axes of the output.
    mixes : bool
        Whether the operator may also mix places with each other, as a product with any matrix may.
        Channels on another axis then stay channels, so that two axes hold some.
    """
    axis %= len(sizes)
    axes: list[Axis] = []
    for number, size in enumerate(sizes):
        kinds = {factor.kind for factor in trace.axes[number]}
        if number == axis:
            axes.append((Factor(CHANNEL, size),))
        elif kinds & {BATCH, UNKNOWN} or (mixes and kinds == {CHANNEL}):
            axes.append(resized(trace.axes[number], size))
        else:
            axes.append((Factor(PLACE, size),))
    return Trace(tuple(axes), source)


def with_batch(trace: Trace, axis: int, *, alone: bool = True) -> Trace:
    """Return a trace in which an axis is known to count the samples, alone or among others."""
    known = list(trace.axes)
    size = trace.sizes[axis]
    known[axis] = (Factor(BATCH, size),) if alone else (Factor(BATCH, None), Factor(UNKNOWN, None))
    return Trace(tuple(known), trace.source)


def resized(axis: Axis, size: Size) -> Axis:
    """Return an axis of another length, after slicing, pooling or padding along it."""
    if _product([factor.size for factor in axis]) == size:
        return axis
    kinds = {factor.kind for factor in axis}
    if len(kinds) == 1:
        return (Factor(kinds.pop(), size),)
    # Which factor became shorter is not known, so their lengths are not known either.
    return tuple(Factor(factor.kind, None) for factor in axis)


def with_sizes(trace: Trace, sizes: Sequence[Size]) -> Trace:
    """Return the output of an operator that keeps all axes, but not their lengths."""
    axes = (resized(axis, size) for axis, size in zip(trace.axes, sizes, strict=True))
    return Trace(tuple(axes), trace.source)


def transposed(trace: Trace, order: Sequence[int]) -> Trace:
    """Return the axes in another order."""
    return Trace(tuple(trace.axes[axis] for axis in order), trace.source)


def without(trace: Trace, removed: Sequence[int]) -> Trace:
    """Return a tensor without some axes, after a sum along them or a squeeze."""
    gone = {axis % len(trace.axes) for axis in removed}
    return Trace(
        tuple(axis for number, axis in enumerate(trace.axes) if number not in gone), trace.source
    )


def with_new(trace: Trace, added: Sequence[int], sizes: Sequence[Size] = ()) -> Trace:
    """Return a tensor with more axes, at these numbers of the result; of length 1 by default."""
    rank = len(trace.axes) + len(added)
    new = {axis % rank: size for axis, size in zip(added, sizes or [1] * len(added), strict=True)}
    old = iter(trace.axes)
    return Trace(
        tuple(
            (Factor(PLACE, new[number]),) if number in new else next(old) for number in range(rank)
        ),
        trace.source,
    )


def reshaped(trace: Trace, sizes: Sequence[Size]) -> Trace:
    """Return a tensor after a reshape.

    Factors are dealt out in their order. A factor that is split keeps its kind in both parts. Where
    the lengths do not tell how factors and axes belong together, the axes are unknown.

    Parameters
    ----------
    trace : Trace
        The tensor before.
    sizes : sequence of Size
        The lengths of the new axes.
    """
    factors = [factor for axis in trace.axes for factor in axis]
    new = list(sizes)
    head: list[Axis] = []
    tail: list[Axis] = []
    while factors and new and _same(factors[0].size, new[0]):
        head.append((factors.pop(0),))
        new.pop(0)
    while factors and new and _same(factors[-1].size, new[-1]):
        tail.insert(0, (factors.pop(),))
        new.pop()
    if not new and all(factor.size == 1 for factor in factors):
        # Axes of length 1 that disappear stay beside their neighbour, so that they can come back.
        if head:
            head[-1] += tuple(factors)
        elif tail:
            tail[0] = (*factors, *tail[0])
        return Trace((*head, *tail), trace.source)
    middle = _dealt(factors, new)
    return Trace((*head, *middle, *tail), trace.source)


def joined(traces: Sequence[Trace], sizes: Sequence[Size]) -> Trace:
    """Return the result of an element-wise operator, whose operands are broadcast.

    Parameters
    ----------
    traces : sequence of Trace
        The operands that depend on the input; stored weights say nothing.
    sizes : sequence of Size
        The lengths of the axes of the result.
    """
    rank = len(sizes)
    axes = []
    for number, size in enumerate(sizes):
        there = [trace.axes[number - rank] for trace in traces if len(trace.axes) >= rank - number]
        long = [axis for axis in there if _product([factor.size for factor in axis]) != 1]
        # Where only a stored weight is long, it decides what the axis counts.
        known = long or (there if size == 1 else [])
        axes.append(resized(_agreed(known), size) if known else (Factor(UNKNOWN, size),))
    return Trace(tuple(axes), _source(traces))


def concatenated(traces: Sequence[Trace], axis: int, sizes: Sequence[Size]) -> Trace:
    """Return tensors put one after the other along an axis."""
    axes = []
    for number, size in enumerate(sizes):
        there = [trace.axes[number] for trace in traces]
        same = _agreed(there)
        axes.append(resized(same, size) if number == axis % len(sizes) else same)
    return Trace(tuple(axes), _source(traces))


def multiplied(left: Trace, right: Trace, sizes: Sequence[Size]) -> Trace:
    """Return the matrix product of two tensors of rank 2 or more that both depend on the input."""
    outer = joined(
        [Trace(each.axes[:-2], each.source) for each in (left, right)], sizes[: len(sizes) - 2]
    )
    inner = (resized(left.axes[-2], sizes[-2]), resized(right.axes[-1], sizes[-1]))
    return Trace((*outer.axes, *inner), _source([left, right]))


def decided(trace: Trace, varying: Collection[int] = ()) -> Axes:
    """Find the axes of the samples and of the units of a layer.

    A layer of rank 2 has samples and units. In a layer of higher rank, the axis that holds nothing
    but channels counts the units, or else the only one that holds channels at all, or else the only
    one that has always the same length: no other can count units.

    Parameters
    ----------
    trace : Trace
        What the axes count.
    varying : collection of int
        The axes whose length differs between samples.
    """
    found = _decided(trace, varying)
    if trace.counted is not None or (found.channel is None and len(trace.axes) != 1):
        return found
    reason = f"{found.reason}; samples are taken to be on axis {found.batch}, which nothing shows"
    return replace(found, reason=reason, certain=False)


def _decided(trace: Trace, varying: Collection[int]) -> Axes:
    rank = len(trace.axes)
    counted = trace.counted
    batch = 0 if counted is None else counted
    beside = [factor for factor in trace.axes[batch] if factor.kind != BATCH] if rank else []
    if counted is not None and any(factor.size != 1 for factor in beside):
        reason = f"axis {batch} {TOGETHER}"
        return Axes(batch, None, reason, certain=rank > 1)
    if counted is None and batch in varying:
        return Axes(batch, None, "nothing tells which axis counts the samples")
    others = [axis for axis in range(rank) if axis != batch]
    if rank < 2:
        return Axes(batch, None, "no other axis: one unit")
    steady = [axis for axis in others if axis not in varying]
    if not steady:
        return Axes(batch, None, "the length of every other axis varies")
    if rank == 2:
        return _of_two(trace, batch, others[0])
    pure = [axis for axis in steady if _kinds(trace.axes[axis]) == (CHANNEL,)]
    longer = [axis for axis in pure if trace.sizes[axis] != 1]
    mixed = [
        axis for axis in steady if CHANNEL in _kinds(trace.axes[axis]) and trace.sizes[axis] != 1
    ]
    # Merged places and channels beside channels are a detector's boxes; or heads, of higher rank.
    for found in (longer or pure, mixed) if rank == 3 else (mixed or pure,):
        if len(found) == 1:
            certain = not trace.source.endswith(_LOOKS_LIKE_IMAGES)
            return Axes(batch, found[0], f"channels of {trace.source}", certain)
        if found:
            several = " and ".join(map(str, found))
            how_many = "both" if len(found) == 2 else "all"
            return Axes(batch, None, f"axes {several} {how_many} hold channels of {trace.source}")
    if len(steady) == 1:
        return Axes(batch, steady[0], "the only axis whose length never varies")
    return Axes(batch, None, NOTHING_TELLS)


def _of_two(trace: Trace, batch: int, other: int) -> Axes:
    """Find the units of a layer of rank 2, whose other axis may count places after all."""
    if all(factor.kind == PLACE and factor.size != 1 for factor in trace.axes[other]):
        reason = "the only other axis, although it counts places and not channels"
        return Axes(batch, other, reason, certain=False)
    return Axes(batch, other, "the only other axis")


def words(text: str) -> tuple[str, ...]:
    """Return the words of a text, for tables of operators.

    >>> words("Relu Exp")
    ('Relu', 'Exp')
    """
    return tuple(text.split())


def _dealt(factors: list[Factor], sizes: list[Size]) -> list[Axis]:
    """Deal factors out to new axes of these lengths."""
    if len(sizes) == 1 and factors:
        return [tuple(factors)]
    unknown: list[Axis] = [(Factor(UNKNOWN, size),) for size in sizes]
    if len(factors) == 1:
        return [(Factor(factors[0].kind, size),) for size in sizes]
    left = [(factor.kind, factor.size) for factor in factors]
    if not all(isinstance(size, int) for _, size in left) or not all(
        isinstance(size, int) for size in sizes
    ):
        return unknown
    axes: list[Axis] = []
    for wanted in sizes:
        axis: list[Factor] = []
        rest = int(wanted or 0)
        while left and (rest > 1 or not axis):
            kind, size = left[0]
            size = int(size or 0)
            if not axis and rest == 1 and size != 1:
                break
            shared = rest if size and rest and size % rest == 0 else size
            if not shared or rest % shared:
                return unknown
            axis.append(Factor(kind, shared))
            rest //= shared
            left = left[1:] if shared == size else [(kind, size // shared), *left[1:]]
        if rest != 1:
            return unknown
        axes.append(tuple(axis) or (Factor(PLACE, 1),))
    if any(size != 1 for _, size in left):
        return unknown
    axes[-1] += tuple(Factor(kind, 1) for kind, _ in left)
    return axes


def _agreed(axes: Sequence[Axis]) -> Axis:
    """Return what several tensors say about one axis; unknown if they contradict each other."""
    known = [axis for axis in axes if not {factor.kind for factor in axis} <= {UNKNOWN, GIVEN}]
    if not known:
        return axes[0]
    kinds = {_kinds(axis) for axis in known}
    if len(kinds) == 1:
        return known[0]
    return (Factor(UNKNOWN, _product([factor.size for factor in known[0]])),)


def _kinds(axis: Axis) -> tuple[str, ...]:
    """Return what an axis counts, from the outermost on; neighbours of one kind are one."""
    kinds = [factor.kind for factor in axis if factor.size != 1] or [axis[0].kind]
    return tuple(kind for kind, _ in itertools.groupby(kinds))


def _source(traces: Sequence[Trace]) -> str:
    return next((trace.source for trace in traces if trace.source), "")


def _same(first: Size, second: Size) -> bool:
    return first is not None and first == second


def _product(sizes: Sequence[Size]) -> Size:
    """Multiply lengths; None unless all are numbers or there is only one."""
    if len(sizes) == 1:
        return sizes[0]
    result = 1
    for size in sizes:
        if not isinstance(size, int):
            return None
        result *= size
    return result
