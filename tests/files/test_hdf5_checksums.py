import json
import zlib

import h5py
import numpy as np
import pytest

from invert_core.errors import FileFormatError
from invert_core.files.checksums import BLOCK_BYTES, block_checksum
from invert_core.files.hdf5_checksums import (
    Blocks,
    check_structure,
    open_sealed,
    read_array,
    read_strings,
    seal,
    set_checksum,
    write_array,
    write_blocks,
    write_strings,
)

VALUES = np.random.default_rng(0).normal(size=100_000).astype(np.float32)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file.attrs["format"] = "a-format"
        file.attrs["format_version"] = 2
        file.attrs["rows_done"] = np.int64(3)
        group = file.create_group("layers/ä")
        group.attrs["shape"] = np.array([2, 3], np.int64)
        group.attrs["share"] = np.float64(0.1)
        write_strings(group, "unit", ("a", "", "ß"))
        write_array(file, "parents", np.array([[1, 2]], np.int16))
        write_blocks(file, "values", VALUES)
        seal(file)
    return path


def test_the_checksum_of_the_structure_is_the_documented_one(path):
    unit, parents = "a\0\0ß".encode(), np.array([[1, 2]], "<i2").tobytes()
    structure = [
        ["/", "group", [], {"format": "a-format", "format_version": ["<i8", 2]}],
        ["layers", "group", [], {}],
        ["layers/ä", "group", [], {"shape": ["<i8", [2, 3]], "share": ["<f8", 0.1]}],
        ["layers/ä/unit", "utf-8 None", [3], {"checksum": ["<u4", zlib.crc32(unit)]}],
        ["parents", "<i2", [1, 2], {"checksum": ["<u4", zlib.crc32(parents)]}],
        ["values", "<f4", [100_000], {}],
        ["values_checksum", "<u4", [2], {}],
    ]
    text = json.dumps(structure, sort_keys=True)
    with h5py.File(path) as file:
        assert file.attrs["checksum"] == zlib.crc32(text.encode("ascii"))
        first, last = VALUES.tobytes()[:BLOCK_BYTES], VALUES.tobytes()[BLOCK_BYTES:]
        assert file["values_checksum"][:].tolist() == [block_checksum(first), block_checksum(last)]


@pytest.mark.parametrize(
    "change",
    [
        lambda file: file.attrs.update(format_version=3),
        lambda file: file.attrs.update(more=1),
        lambda file: file["layers/ä"].attrs.update(share=0.2),
        lambda file: file.move("layers/ä", "layers/a"),
        lambda file: file.create_group("more"),
        lambda file: file["parents"].attrs.update(checksum=np.uint32(1)),
        lambda file: file.__delitem__("values_checksum"),
    ],
)
def test_a_changed_structure_is_refused(path, change):
    with h5py.File(path, "r+") as file:
        check_structure(file)
        change(file)
        with pytest.raises(FileFormatError, match="names, shapes or attributes do not match"):
            check_structure(file)


def test_the_number_of_rows_may_change(path):
    with h5py.File(path, "r+") as file:
        file.attrs["rows_done"] = np.int64(4)
        check_structure(file)


def test_changed_values_are_refused(path):
    with h5py.File(path, "r+") as file:
        assert read_strings(file["layers/ä/unit"]) == ("a", "", "ß")
        assert read_array(file["parents"]).tolist() == [[1, 2]]
        file["layers/ä/unit"][1] = "b"
        file["parents"][0, 1] = 3
        with pytest.raises(FileFormatError, match="/layers/ä/unit does not match its checksum"):
            read_strings(file["layers/ä/unit"])
        with pytest.raises(FileFormatError, match="/parents does not match its checksum"):
            read_array(file["parents"])


@pytest.mark.parametrize(
    ("start", "stop"), [(0, 0), (0, 1), (65_535, 65_537), (70_000, 99_999), (0, 100_000), (5, 3)]
)
def test_any_part_of_blocks_is_read(path, start, stop):
    with h5py.File(path) as file:
        assert Blocks(file["values"])[start:stop].tolist() == VALUES[start:stop].tolist()


def test_a_changed_value_is_found_by_every_part_of_its_block_and_no_other(path):
    with h5py.File(path, "r+") as file:
        file["values"][70_000] += 1
        blocks = Blocks(file["values"])
        assert blocks[:65_536].size == 65_536
        with pytest.raises(FileFormatError, match="/values does not match its checksum"):
            blocks[99_999:]
        with pytest.raises(FileFormatError, match="/values does not match its checksum"):
            blocks.verify()


def test_checksums_of_another_shape_are_refused(path):
    with h5py.File(path, "r+") as file:
        del file["values_checksum"]
        file["values_checksum"] = np.zeros(3, np.uint32)
        with pytest.raises(FileFormatError, match=r"shape \(3,\); they must be uint32 of"):
            Blocks(file["values"])


def test_a_file_that_lost_its_checksums_is_refused(path):
    with h5py.File(path, "r+") as file:
        del file.attrs["checksum"]
    with (
        pytest.raises(FileFormatError, match="has no attribute 'checksum', which its format"),
        open_sealed(path, "a-format", 2, sealed_since=2),
    ):
        pass


def test_a_file_without_checksums_may_use_their_names_for_something_else(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["a"] = np.arange(3)
        file["a"].attrs["checksum"] = np.uint32(1)
        assert read_array(file["a"]).tolist() == [0, 1, 2]
        set_checksum(file["a"], np.arange(3))
        assert Blocks(file["a"])[1:].tolist() == [1, 2]
