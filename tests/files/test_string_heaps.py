"""A heap of strings that leads nowhere would make the HDF5 library loop for ever."""

import struct

import h5py
import numpy as np
import pytest

from invert_core.errors import FileFormatError
from invert_core.files import hdf5


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
