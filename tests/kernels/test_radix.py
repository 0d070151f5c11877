"""Sorting of keys by the numbers in their high halves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_core.kernels.radix import TUNING, Tuning, room_for, sort_keys
from tests.kernels.tunings import tunings

pytestmark = pytest.mark.kernels


@st.composite
def numbers(draw):
    """Numbers of up to 32 bits, of which some share the first bits or the last, or all."""
    size = draw(st.integers(1, 300))
    n_bits = draw(st.integers(0, 32))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    same = rng.integers(0, 2**n_bits, dtype=np.uint64)
    mask = rng.integers(0, 2**n_bits, dtype=np.uint64)
    found = rng.integers(0, 2**n_bits, size, dtype=np.uint64) & mask | same & ~mask
    kind = draw(st.sampled_from(["as they are", "few", "sorted", "falling"]))
    if kind == "few":
        found = found[rng.integers(0, min(3, size), size)]
    elif kind != "as they are":
        found.sort()
    return found[::-1] if kind == "falling" else found, n_bits


@given(numbers(), tunings(), st.integers(0, 5), st.integers(0, 5))
def test_keys_are_sorted_by_their_numbers_and_others_stay(case, tuning, before, after):
    of_keys, n_bits = case
    keys = of_keys << np.uint64(32) | np.arange(of_keys.size, dtype=np.uint64)
    around = np.uint64(7)
    room = room_for(before + keys.size + after, tuning)
    room.keys[:] = around
    stop = before + keys.size
    room.keys[before:stop] = keys
    sort_keys(room, before, stop, n_bits, tuning)
    assert room.keys[before:stop].tolist() == keys[np.argsort(of_keys, kind="stable")].tolist()
    assert set(room.keys[:before]) | set(room.keys[stop:]) == {around}


def test_keys_that_agree_in_their_first_bits_are_sorted_by_the_last():
    # Most numbers lie between 2**20 and 2**20 + 2**6, but one takes all 32 bits.
    rng = np.random.default_rng(0)
    of_keys = np.append(2**20 + rng.integers(0, 2**6, 999, dtype=np.uint64), np.uint64(2**32 - 1))
    for tuning in (TUNING, Tuning(disordered=1000)):
        room = room_for(1000)
        room.keys[:1000] = of_keys << np.uint64(32)
        sort_keys(room, 0, 1000, 32, tuning)
        assert (room.keys[:1000] >> np.uint64(32)).tolist() == sorted(of_keys.tolist())
