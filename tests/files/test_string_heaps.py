"""A heap of strings that leads nowhere would make the HDF5 library loop for ever."""

import struct

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_core.errors import FileFormatError
from invert_core.files import hdf5
from invert_core.files.string_heaps import _lead_to_ends


def free_space(content, collection):
    """Return where the free space of a collection states its size."""
    place = collection + 16
    while struct.unpack_from("<H", content, place)[0]:
        place += 16 + -(-struct.unpack_from("<Q", content, place + 8)[0] // 8) * 8
    return place + 8


def collections(content):
    return [at for at in range(len(content)) if content.startswith(b"GCOL", at)]


@pytest.fixture
def path(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.attrs["text"] = "of an attribute"
        hdf5.store_strings(file, "strings", tuple(f"a{number}" for number in range(1000)))
        file.create_dataset("zipped", data=["b"] * 50, dtype=h5py.string_dtype(), compression=1)
        file["numbers"] = np.frombuffer(b"GCOL\1\0\0\0" + bytes(64), np.uint8)
    return tmp_path / "x.h5"


def test_whole_heaps_are_read_and_values_that_look_like_one_are_none(path):
    with hdf5.open_file(path) as file:
        assert len(hdf5.stored_strings(file["strings"])) == 1000
        assert file.attrs["text"] == "of an attribute"


@pytest.mark.parametrize(
    ("index", "size"), [(0, 0), (0, 2**64 - 16), (0, 2**40), (9, 2**64 - 16), (9, 2**40)]
)
def test_no_heap_is_followed_that_does_not_lead_to_its_end(path, index, size):
    whole = path.read_bytes()
    heaps = [
        at for at in collections(whole) if not whole.startswith(b"GCOL\1\0\0\0" + bytes(8), at)
    ]
    assert len(heaps) > 1
    for heap in heaps:
        content = bytearray(whole)
        place = free_space(content, heap)
        struct.pack_into("<H6xQ", content, place - 8, index, size)
        path.write_bytes(content)
        with (
            pytest.raises(FileFormatError, match="a heap of strings does not lead to its end"),
            hdf5.open_file(path),
        ):
            pass


def test_a_string_is_not_read_that_says_it_is_longer_than_the_file(path):
    with h5py.File(path) as file:
        place = file["strings"].id.get_offset()
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, place + 16 * 7, 2**31)
    path.write_bytes(content)
    with (
        hdf5.open_file(path) as file,
        pytest.raises(FileFormatError, match="/strings is broken") as raised,
    ):
        hdf5.stored_strings(file["strings"])
    assert "a string is longer than the file" in str(raised.value.__cause__)


def test_chunks_of_a_matrix_without_filters_must_have_one_size(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        matrix = file.create_dataset("x", data=np.ones((40, 16)), chunks=(20, 8))
        file.create_dataset("zipped", data=np.arange(80), chunks=(20,), compression=1)
        size = matrix.id.get_chunk_info(0).size
    with hdf5.open_file(path) as file:
        assert file["x"][:].sum() == 40 * 16
    content = path.read_bytes()
    # The key of a chunk is its size, a mask and its place.
    key = struct.pack("<II3Q", size, 0, 20, 8, 0)
    assert content.count(key) == 1
    path.write_bytes(content.replace(key, struct.pack("<II3Q", size + 64, 0, 20, 8, 0)))
    with pytest.raises(FileFormatError, match="a chunk of 'x'"), hdf5.open_file(path):
        pass


def _walked(content, start):
    """Return whether the objects of one collection add up, one after the other."""
    end = start + struct.unpack_from("<Q", content, start + 8)[0]
    place = start + 16
    if end > len(content):
        return False
    while place + 16 <= end:
        index, size = struct.unpack_from("<H6xQ", content, place)
        need = size if index == 0 else 16 + -(-size // 8) * 8
        if need == 0 or need % 8 or place + need > end:
            return False
        place += need
    return True


_SIZES = st.sampled_from([0, 1, 8, 16, 24, 31, 2**32, 2**63 - 1, 2**63, 2**64 - 24, 2**64 - 7])


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 2), st.integers(0, 40) | _SIZES), max_size=6),
        min_size=1,
        max_size=4,
    ),
    st.integers(0, 7),
    st.integers(-16, 16),
    st.data(),
)
def test_all_collections_are_walked_as_one_by_one(collections, offset, more, data):
    content, starts = bytearray(offset), []
    for objects in collections:
        starts.append(len(content))
        made = bytearray()
        for index, size in objects:
            n_bytes = size - 16 if index == 0 else -(-size // 8) * 8
            made += struct.pack("<H6xQ", index, size)
            made += bytes(n_bytes) if 0 < n_bytes < 100 else b""
        free = data.draw(st.sampled_from([0, 8, 16, 24]))
        if free:
            made += struct.pack("<QQ", 0, free) + bytes(max(free - 16, 0))
            del made[len(made) - max(16 - free, 0) :]
        content += struct.pack("<4sB3xQ", b"GCOL", 1, 16 + len(made)) + made
    if more and data.draw(st.booleans()):
        struct.pack_into("<Q", content, starts[-1] + 8, max(0, len(content) - starts[-1] + more))
    expected = all(_walked(content, start) for start in starts)
    found = _lead_to_ends(np.frombuffer(bytes(content), np.uint8), np.array(starts))
    assert found == expected
