import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_core.files.checksums import (
    BLOCK_BYTES,
    RunningChecksums,
    block_checksum,
    block_checksums,
)

BLOCK = np.random.default_rng(0).bytes(BLOCK_BYTES)


def by_definition(block):
    block = block + bytes(-len(block) % 8)
    words = [
        int.from_bytes(block[place : place + 8], "little") for place in range(0, len(block), 8)
    ]
    sums = []
    for modulus in (512, 509):
        sums += [sum(words[place::modulus]) % 2**64 for place in range(modulus)]
    return zlib.crc32(b"".join(each.to_bytes(8, "little") for each in sums))


@given(st.binary(max_size=20_000))
def test_a_block_checksum_is_that_of_its_definition(block):
    assert block_checksum(block) == by_definition(block)


def test_a_full_block_has_the_checksum_of_its_definition():
    assert block_checksum(BLOCK) == by_definition(BLOCK)


@given(st.integers(0, BLOCK_BYTES - 1), st.integers(1, 255))
def test_any_changed_byte_changes_the_checksum(place, change):
    changed = bytearray(BLOCK)
    changed[place] ^= change
    assert block_checksum(bytes(changed)) != block_checksum(BLOCK)


@given(st.data())
def test_two_ranges_that_change_places_change_the_checksum(data):
    size = data.draw(st.sampled_from([1, 8, 256, 512 * 8, 509 * 8]))
    first, second = sorted(
        data.draw(
            st.lists(st.integers(0, BLOCK_BYTES // size - 1), min_size=2, max_size=2, unique=True)
        )
    )
    changed = bytearray(BLOCK)
    a, b = (slice(each * size, each * size + size) for each in (first, second))
    if BLOCK[a] == BLOCK[b]:
        return
    changed[a], changed[b] = BLOCK[b], BLOCK[a]
    assert block_checksum(bytes(changed)) != block_checksum(BLOCK)


@pytest.mark.parametrize("modulus", [512, 509])
def test_words_that_share_one_sum_do_not_share_the_other(modulus):
    words = np.frombuffer(BLOCK, np.uint64).copy()
    words[[3, 3 + modulus]] = words[[3 + modulus, 3]]
    assert block_checksum(words.tobytes()) != block_checksum(BLOCK)


@given(st.lists(st.integers(0, 3 * BLOCK_BYTES // 4), max_size=5))
def test_parts_have_the_checksums_of_the_whole(sizes):
    parts = [np.full(size // 4, number + 0.5, "<f4") for number, size in enumerate(sizes)]
    running = RunningChecksums()
    for part in parts:
        running.add(part)
    whole = np.concatenate([np.empty(0, "<f4"), *parts])
    data = whole.tobytes()
    blocks = [data[start : start + BLOCK_BYTES] for start in range(0, len(data), BLOCK_BYTES)]
    expected = [block_checksum(block) for block in blocks]
    assert running.finish().tolist() == expected == block_checksums(whole).tolist()
