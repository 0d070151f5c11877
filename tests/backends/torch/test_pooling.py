"""Pooling of tensors agrees with the loops of the oracle."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_core.errors import ModelError
from invert_core.models.axes import Axes
from invert_core.models.backend import Reading
from invert_core.models.pooling import choose_pooling, leave_padding_out
from tests.backends import pooling_oracle
from tests.needs import need

torch = need("torch")

from invert_core.backends.torch.pooling import pooled


def chosen(rank, pool, axis=None):
    return choose_pooling(Reading("x", pool, axis), (None,) * rank, Axes(0, rank - 1))[0]


@st.composite
def layers(draw):
    """Values [b, ...], a mask or None, the axes that count tokens, a channel axis and a pool."""
    rank = draw(st.integers(2, 5))
    n_tokens = draw(st.integers(1, 4))
    axis = draw(st.integers(1, rank - 1))
    others = [each for each in range(1, rank) if each != axis]
    token_axes = tuple(draw(st.sets(st.sampled_from(others)))) if others else ()
    shape = [draw(st.integers(1, 3)) for _ in range(rank)]
    for each in token_axes:
        shape[each] = n_tokens
    seed = draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    values = random.normal(size=shape).astype(np.float32)
    odd = draw(st.sampled_from([None, np.nan, np.inf, -np.inf]))
    if odd is not None:
        values[random.random(shape) < 0.2] = odd
    mask = random.integers(0, 2, (shape[0], n_tokens))
    mask[np.arange(shape[0]), random.integers(0, n_tokens, shape[0])] = 1
    pools = ["none"] if rank == 2 else ["mean", "max", "flatten", "first", "last"]
    if rank != 3:
        pools = [pool for pool in pools if pool not in ("first", "last")]
    if token_axes:
        pools.remove("flatten")
    masked = draw(st.booleans())
    pool = draw(st.sampled_from(pools))
    return values, mask if masked else None, token_axes, axis, pool


@given(layers())
def test_every_pool_is_what_loops_say(layer):
    values, mask, token_axes, axis, pool = layer
    pooling = leave_padding_out("x", chosen(values.ndim, pool, axis), token_axes)
    found = pooled(
        "x",
        torch.from_numpy(values),
        pooling,
        None if mask is None else torch.from_numpy(mask).bool(),
    )
    with np.errstate(invalid="ignore"):
        right = pooling_oracle.pooled(values, pool, axis, mask, token_axes)
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), right, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("held", [np.inf, np.nan, 1e30])
@pytest.mark.parametrize("pool", ["mean", "max", "first", "last"])
def test_what_padding_holds_has_no_influence(pool, held):
    values = torch.ones(2, 3, 4)
    values[0, 2], values[1, 0] = held, held
    mask = torch.tensor([[1, 1, 0], [0, 1, 1]]).bool()
    pooling = leave_padding_out("x", chosen(3, pool), (1,))
    assert pooled("x", values, pooling, mask).eq(1).all()


@pytest.mark.parametrize("pool", ["none", "first", "last", "mean", "max", "flatten"])
def test_the_result_shares_no_memory_with_the_layer(pool):
    values = torch.ones((2, 4) if pool == "none" else (2, 1, 4))
    found = pooled("x", values, chosen(values.ndim, pool), None)
    values.zero_()
    assert found.eq(1).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_widened_before_it_is_summed(dtype):
    values = torch.full((1, 1000, 2), 1000, dtype=dtype)
    found = pooled("x", values, chosen(values.ndim, "mean"), None)
    assert found.dtype == torch.float32
    assert found.eq(1000).all()


def test_double_precision_stays_until_it_is_narrowed():
    values = torch.full((1, 2, 2), 1e300, dtype=torch.float64)
    found = pooled("x", values, chosen(values.ndim, "mean"), None)
    assert found.dtype == torch.float64


def test_a_layer_without_a_place_for_every_token_is_refused():
    pooling = leave_padding_out("x", chosen(3, "mean"), (1,))
    with pytest.raises(ModelError, match="for 3 tokens, so it is not known"):
        pooled("x", torch.zeros(2, 5, 4), pooling, torch.ones(2, 3).bool())
