"""Free blocks of a heap of names that lead in a circle make the HDF5 library loop for ever."""

import struct

import h5py
import numpy as np
import pytest

from invert_core.errors import FileFormatError
from invert_core.files import hdf5
from invert_core.files.name_heaps import check_name_heaps


def heaps(content):
    """Return where heaps of names begin that have a free block."""
    found = [at for at in range(len(content)) if content.startswith(b"HEAP\0", at)]
    return [at for at in found if struct.unpack_from("<Q", content, at + 16)[0] != 1]


def write(path, n_groups=30, is_ordered=False, **options):
    with h5py.File(path, "w", **options) as file:
        layers = file.create_group("layers", track_order=is_ordered)
        for number in range(n_groups):
            group = layers.create_group(f"layer {number}")
            group["values"] = np.arange(4)
            group.attrs["text"] = "x" * 50 * number
    return path.read_bytes()


@pytest.mark.parametrize(
    ("n_groups", "is_ordered", "userblock"), [(30, False, 0), (3, False, 512), (8, True, 0)]
)
def test_no_free_block_is_followed_that_leads_in_a_circle(
    tmp_path, n_groups, is_ordered, userblock
):
    path = tmp_path / "x.h5"
    whole = write(path, n_groups, is_ordered, userblock_size=userblock)
    with hdf5.open_file(path) as file:
        assert len(file["layers"]) == n_groups
    assert len(heaps(whole)) > n_groups
    for heap in heaps(whole):
        content = bytearray(whole)
        first, start = struct.unpack_from("<QQ", content, heap + 16)
        struct.pack_into("<Q", content, userblock + start + first, first)
        path.write_bytes(content)
        with (
            pytest.raises(FileFormatError, match="a heap of names does not lead to its end"),
            hdf5.open_file(path),
        ):
            pass


def test_values_that_look_like_a_heap_of_names_are_none(tmp_path):
    circle = b"HEAP\0\0\0\0" + struct.pack("<QQQ", 64, 0, 0)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["numbers"] = np.frombuffer(circle, np.uint8)
    with hdf5.open_file(tmp_path / "x.h5") as file:
        assert file["numbers"][:].tobytes() == circle


@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_a_file_cut_anywhere_is_left_to_the_library(tmp_path, libver):
    path = tmp_path / "x.h5"
    whole = write(path, libver=libver)
    for size in range(0, len(whole), 97):
        path.write_bytes(whole[:size])
        check_name_heaps(path)
