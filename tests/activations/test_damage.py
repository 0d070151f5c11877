"""Activation files with a changed byte: an error, or the same activations."""

import shutil

import h5py
import numpy as np
import pytest
import scipy.sparse

from invert_core.activations import open_activations
from invert_core.activations.groups import Groups
from invert_core.activations.writing.contents import Origin
from invert_core.activations.writing.writer import ActivationWriter
from invert_core.errors import FileFormatError, InvertError
from tests.files.checksums import without_checksums

IDS = tuple(f"clip {number // 4}/{number % 4}" for number in range(12))
GROUPS = Groups(np.arange(12, dtype=np.int32) // 4, ("clip 0", "clip 1", "clip 2"))
VALUES = np.random.default_rng(0).normal(size=(12, 5)).astype(np.float32)
SPARSE = np.where(VALUES > 0.5, VALUES, 0)


def write(path):
    origin = Origin(
        12, {"model": "m"}, IDS, groups=GROUPS, sparse=["latents"], aliases={"fc": "classifier"}
    )
    names = {"fc": tuple("abcde")}
    with ActivationWriter(path, origin) as writer:
        writer.write({"fc": VALUES, "latents": SPARSE}, names)
        writer.finish()
    return path


def contents(path):
    with open_activations(path) as found:
        blocks = {name: layer.read(0, layer.n_units) for name, layer in found.layers.items()}
        sparse = blocks["latents"]
        csc = scipy.sparse.csc_array((sparse.data, sparse.indices, sparse.indptr), (12, 5))
        facts = [(layer.name, layer.unit, layer.alias) for layer in found.layers.values()]
        groups = found.groups.number.tolist(), found.groups.names
        return facts, groups, found.sample_id, blocks["fc"].tolist(), csc.todense().tolist()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return write(tmp_path_factory.mktemp("whole") / "x.h5")


def test_a_whole_file_is_read(whole):
    assert contents(whole)[3] == VALUES.T.tolist()
    assert contents(whole)[4] == SPARSE.tolist()


@pytest.mark.parametrize("change", [0x01, 0x80, 0xFF])
def test_no_changed_byte_changes_what_is_read(tmp_path, whole, change):
    expected, data, path = contents(whole), whole.read_bytes(), tmp_path / "x.h5"
    places = np.random.default_rng(change).choice(len(data), 400, replace=False).tolist()
    refused = 0
    for place in places:
        damaged = bytearray(data)
        damaged[place] ^= change
        path.write_bytes(damaged)
        try:
            assert contents(path) == expected, f"byte {place} of {len(data)}"
        except InvertError:
            refused += 1
    assert refused > 20


def bytes_of(values):
    return np.ascontiguousarray(values, "<f4").tobytes()


@pytest.mark.parametrize("wanted", ["fc", "latents"])
def test_a_changed_activation_is_named(tmp_path, whole, wanted):
    value = bytes_of(VALUES[3] if wanted == "fc" else SPARSE[SPARSE[:, 1] > 0, 1])
    data = whole.read_bytes()
    place = data.index(value)
    path = tmp_path / "x.h5"
    path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    part = "activations" if wanted == "fc" else "data"
    with open_activations(path) as found:
        layer = found.layers[wanted]
        with pytest.raises(
            FileFormatError, match=f"/layers/{wanted}/{part} does not match"
        ) as error:
            layer.read(0, 5)
    assert "Copy it again" in error.value.hint


def test_parts_that_changed_places_are_noticed(tmp_path):
    origin = Origin(12, {"model": "m"}, IDS)
    with ActivationWriter(tmp_path / "x.h5", origin) as writer:
        writer.write({"a": VALUES, "b": VALUES + 1}, {"a": tuple("abcde"), "b": tuple("fghij")})
        writer.finish()
    with h5py.File(tmp_path / "x.h5", "r+") as file:
        file.move("layers/a/unit", "layers/moved")
        file.move("layers/b/unit", "layers/a/unit")
        file.move("layers/moved", "layers/b/unit")
    with pytest.raises(FileFormatError, match="names, shapes or attributes do not match"):
        open_activations(tmp_path / "x.h5")


def test_a_file_of_version_1_has_no_checksums_and_is_read(tmp_path, whole):
    path = tmp_path / "x.h5"
    shutil.copy(whole, path)
    with h5py.File(path, "r+") as file:
        without_checksums(file, 1)
        file["layers/fc/activations"][3, 2] += 1
    assert contents(path)[3] != contents(whole)[3]
    with h5py.File(path, "r+") as file:
        file.attrs["checksum"] = np.uint32(1)
    with pytest.raises(FileFormatError, match="has checksums, which its format version 1"):
        open_activations(path)


def test_a_file_that_the_disk_did_not_keep_does_not_get_its_name(tmp_path):
    path = tmp_path / "x.h5"
    with ActivationWriter(path, Origin(12, {"model": "m"}, IDS)) as writer:
        writer.write({"fc": VALUES})
        writer.save()
        data = writer.partial.read_bytes()
        place = data.index(bytes_of(VALUES[3]))
        writer.partial.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with pytest.raises(FileFormatError, match=r"is broken .*does not match.*--overwrite"):
            writer.finish()
    assert not path.exists()
