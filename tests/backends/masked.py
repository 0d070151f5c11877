"""Models that take a mask, and samples with padding."""

import numpy as np
from onnx import TensorProto

from invert_core.models.backend import MASK
from tests.backends import models

POOLS = ("mean", "max", "first", "last")
N_TOKENS = 5


def passing(shape, *, mask=("n", "t"), elem=TensorProto.INT64, opset=18, ids=("n", "t")):
    """Model whose layer "y" is minus its input "x", plus nothing that depends on the ids.

    It takes a mask but does not read it.
    """
    inputs = [models.value("x", shape), models.value("ids", ids, TensorProto.INT64)]
    nodes = [
        models.node("Shape", "ids", "size"),
        models.node("Cast", "size", "float_size", to=TensorProto.FLOAT),
        models.node("Mul", "float_size nothing", "zeros"),
        models.node("ReduceMax", "zeros", "zero", keepdims=0),
        models.node("Neg", "x", "minus"),
        models.node("Add", "minus zero", "y"),
    ]
    if mask is not None:
        inputs.append(models.value(MASK, mask, elem))
    weights = {"nothing": np.float32(0)}
    return models.model(nodes, inputs, [models.value("y", shape)], weights, opset=opset)


def masks(count=4, n_tokens=N_TOKENS):
    """Masks with padding at the end, at the start, in the middle, and without padding."""
    mask = np.ones((count, n_tokens), np.int64)
    mask[0, 3:] = mask[1, :2] = mask[2, 2] = 0
    return mask


def batch(shape, mask, seed=0):
    x = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    return {"x": x, "ids": np.zeros(mask.shape, np.int64), MASK: mask}


def spoiled(x, mask, token_axes, values):
    """The same samples with other values wherever a token is padding."""
    spoiled = x.copy()
    for sample in range(len(x)):
        for axis in token_axes:
            for place in np.flatnonzero(mask[sample] == 0):
                where = [
                    sample,
                    *(place if each == axis else slice(None) for each in range(1, x.ndim)),
                ]
                spoiled[tuple(where)] = values
    return spoiled
