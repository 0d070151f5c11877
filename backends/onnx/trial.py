"""A trial run of a part of a model, which shows what its shapes do not say."""

import logging
from collections.abc import Collection
from pathlib import Path

import numpy as np
import onnx

from invert_core.backends.onnx.graph import prune, true_inputs
from invert_core.backends.onnx.session import CPU, RUNTIME_ERRORS, create_session
from invert_core.backends.onnx.shapes import type_of
from invert_core.models.backend import MASK

_log = logging.getLogger("invert")

_NUMBERS_OF_TOKENS = (3, 5)


def axes_that_follow(
    proto: onnx.ModelProto, folder: Path, names: Collection[str], lengths: Collection[int | str]
) -> dict[str, frozenset[int]]:
    """Find the axes whose length changes with the number of tokens.

    Parameters
    ----------
    proto : onnx.ModelProto
    folder : Path
        Where the external data lie.
    names : collection of str
        The tensors in question.
    lengths : collection of int or str
        What the model calls the number of tokens.

    Returns
    -------
    dict of str to frozenset of int
        Empty if it cannot be tried: the number of tokens is fixed, the inputs have other axes of
        unknown length, or the model does not run on a few tokens.
    """
    part = prune(proto, names)
    inputs = true_inputs(part.graph)
    kinds = [type_of(value) for value in inputs]
    open_lengths = {
        dim for kind in kinds for dim in (kind.dims or ())[1:] if not isinstance(dim, int)
    }
    fixed = any(isinstance(length, int) for length in lengths)
    if (
        fixed
        or open_lengths - set(lengths)
        or any(kind.elem == onnx.TensorProto.STRING for kind in kinds)
    ):
        return {}
    wanted = list(names)
    part.graph.output.extend(onnx.ValueInfoProto(name=name) for name in wanted)
    session = create_session(part, folder, [CPU], optimize=False)
    try:
        shorter, longer = (
            session.run(wanted, {value.name: _filled(value, count) for value in inputs})
            for count in _NUMBERS_OF_TOKENS
        )
    except RUNTIME_ERRORS as error:
        _log.info("The model does not run on a few tokens: %s", str(error).split("\n")[0])
        return {}
    return {
        name: frozenset(
            axis
            for axis, (few, more) in enumerate(zip(first.shape, second.shape, strict=True))
            if few != more
        )
        for name, first, second in zip(wanted, shorter, longer, strict=True)
    }


def _filled(value: onnx.ValueInfoProto, n_tokens: int) -> np.ndarray:
    kind = type_of(value)
    shape = [dim if isinstance(dim, int) else n_tokens for dim in kind.dims or ()]
    if kind.dims and not isinstance(kind.dims[0], int):
        shape[0] = 1
    dtype = onnx.helper.tensor_dtype_to_np_dtype(kind.elem)
    return np.full(shape, value.name == MASK, dtype)
