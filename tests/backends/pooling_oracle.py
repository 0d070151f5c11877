"""The definition of pooling, in the plainest loops."""

import itertools

import numpy as np


def pooled(values, pool, channel_axis=None, mask=None, token_axes=()):
    """Pool a layer [b, ...] of any rank to float64 [b, units].

    `mask` [b, tokens] is 1 for tokens that count; `token_axes` are the axes that count tokens.
    """
    values = np.asarray(values, dtype=np.float64)
    rank = values.ndim
    if channel_axis is None:
        channel_axis = 2 if rank == 3 else 1
    others = [axis for axis in range(1, rank) if axis != channel_axis % rank]
    if rank == 2:
        pool = "none"
    rows = []
    for sample, one in enumerate(values):
        kept = [
            place
            for place in itertools.product(*(range(values.shape[axis]) for axis in others))
            if mask is None
            or all(
                mask[sample][position]
                for axis, position in zip(others, place, strict=True)
                if axis in token_axes
            )
        ]
        by_channel = [
            [float(one[_index(channel_axis % rank, channel, others, place)]) for place in kept]
            for channel in range(values.shape[channel_axis])
        ]
        rows.append([unit for numbers in by_channel for unit in _units(numbers, pool)])
    return np.array(rows)


def _index(channel_axis, channel, others, place):
    index = {channel_axis: channel, **dict(zip(others, place, strict=True))}
    return tuple(index[axis] for axis in sorted(index))


def _units(numbers, pool):
    if pool == "mean":
        return [sum(numbers) / len(numbers)]
    if pool == "max":
        return [float("nan") if any(map(np.isnan, numbers)) else max(numbers)]
    if pool == "first":
        return [numbers[0]]
    if pool == "last":
        return [numbers[-1]]
    assert pool in ("none", "flatten")
    return numbers
