import zlib
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings

from invert_core.concepts import Alias, ConceptSet, read_concepts, write_concepts
from invert_core.concepts.hdf5_file import FORMAT, read_hdf5
from invert_core.errors import (
    ExistingOutputError,
    FileFormatError,
    InvertError,
    MissingFileError,
    StorageError,
)
from invert_core.files.checksums import block_checksums
from invert_core.files.hdf5_checksums import seal
from tests.concepts.contents import contents
from tests.concepts.drawn import concept_sets
from tests.concepts.file_sizes import room_for
from tests.files.checksums import without_checksums

GOLDEN = Path(__file__).parents[1] / "golden"

SMALL = ConceptSet.from_arrays(
    [[0, 1, 0], [1, 1, 0], [0, 0, 0]],
    id=["n1", "two words", "ä"],
    name=["crane", "crane", "日本"],
    definition=["a bird", "", 'says "it"\nin two lines'],
    sample_id=["a/1.png", "b 2", "ß"],
    parents=[[0, 1], [2, 1]],
)


UNDEFINED = replace(
    SMALL,
    defined=np.array([[0b110], [0b011], [0b111]], np.uint64),
    aliases=(Alias("n9", "wader", 0), Alias("n8", "日", 2)),
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "concepts.h5"


@pytest.mark.parametrize("n_samples", [1, 2, 63, 64, 65, 127, 128, 129])
@pytest.mark.parametrize("with_samples", [True, False])
def test_a_file_gives_back_what_was_written(path, n_samples, with_samples):
    labels = np.random.default_rng(n_samples).random((n_samples, 5)) < 0.5
    concepts = ConceptSet.from_arrays(
        labels,
        id=list("abcde"),
        sample_id=[f"s{row}" for row in range(n_samples)] if with_samples else None,
        parents=[[0, 1], [2, 1]],
    )
    write_concepts(path, concepts)
    found = read_hdf5(path)
    assert contents(found) == contents(concepts)
    np.testing.assert_array_equal(found.dense(), labels)


@settings(max_examples=30)
@given(concept_sets())
def test_a_file_gives_back_every_set(tmp_path_factory, concepts):
    path = tmp_path_factory.mktemp("concepts") / "concepts.h5"
    write_concepts(path, concepts)
    assert contents(read_hdf5(path)) == contents(concepts)


def test_a_table_goes_through_the_file_unchanged(tmp_path, path):
    table = tmp_path / "wide.csv"
    rows = "".join(f"s{row},{row % 2},{row % 3 // 2}\n" for row in range(65))
    table.write_text(f"sample,odd,third\n{rows}", encoding="utf-8")
    concepts = read_concepts(table)
    write_concepts(path, concepts)
    assert contents(read_concepts(path)) == contents(concepts)


def test_the_file_has_the_documented_layout(path):
    write_concepts(path, SMALL)
    with h5py.File(path) as file:
        attributes = dict(file.attrs)
        assert attributes.pop("checksum").dtype == np.uint32
        assert attributes == {
            "format": "invert-concepts",
            "format_version": 3,
            "n_samples": 3,
            "storage": "bits",
        }
        strings = {"id", "name", "definition", "sample_id"}
        assert set(file) == {"bits", "bits_checksum", "parents"} | strings
        assert file["bits_checksum"][:].tolist() == block_checksums(SMALL.bits).tolist()
        assert file["parents"].attrs["checksum"] == zlib.crc32(SMALL.parents.tobytes())
        for name in strings:
            text = "\0".join(getattr(SMALL, name))
            assert file[name].attrs["checksum"] == zlib.crc32(text.encode())
        assert file["bits"].dtype == np.uint64
        assert file["bits"][:].tolist() == [[0b010], [0b011], [0]]
        assert file["parents"][:].tolist() == [[0, 1], [2, 1]]
        assert file["name"].asstr()[:].tolist() == ["crane", "crane", "日本"]


def test_a_file_with_undefined_labels_or_aliases_has_the_documented_layout(path):
    write_concepts(path, UNDEFINED)
    with h5py.File(path) as file:
        assert set(file) == {
            *("bits", "bits_checksum", "id", "name", "definition", "sample_id", "parents"),
            *("defined", "defined_checksum", "alias", "alias_name", "alias_of"),
        }
        assert file["defined"].dtype == np.uint64
        assert file["defined"][:].tolist() == [[0b110], [0b011], [0b111]]
        assert file["alias"].asstr()[:].tolist() == ["n9", "n8"]
        assert file["alias_name"].asstr()[:].tolist() == ["wader", "日"]
        assert file["alias_of"][:].tolist() == [[0], [2]]


@pytest.mark.parametrize("change", [0x01, 0x80, 0xFF])
def test_no_changed_byte_changes_what_is_read(path, change):
    write_concepts(path, UNDEFINED)
    data = path.read_bytes()
    places = np.random.default_rng(change).choice(len(data), 400, replace=False).tolist()
    refused = 0
    for place in places:
        damaged = bytearray(data)
        damaged[place] ^= change
        path.write_bytes(damaged)
        try:
            assert contents(read_hdf5(path)) == contents(UNDEFINED), f"byte {place}"
        except InvertError:
            refused += 1
    assert refused > 50


def test_labels_stored_in_another_way_ask_for_an_update(path):
    write_concepts(path, SMALL)
    with h5py.File(path, "r+") as file:
        file.attrs["storage"] = "columns"
        seal(file)
    with pytest.raises(FileFormatError, match="stores labels as 'columns'") as error:
        read_hdf5(path)
    assert "pip install" in error.value.hint


def test_a_file_of_format_version_1_is_read():
    assert contents(read_hdf5(GOLDEN / "concepts_v1.h5")) == contents(SMALL)


def test_a_file_of_format_version_2_is_read():
    assert contents(read_hdf5(GOLDEN / "concepts_v2.h5")) == contents(UNDEFINED)


def test_a_file_of_format_version_3_is_read():
    assert contents(read_hdf5(GOLDEN / "concepts_v3.h5")) == contents(UNDEFINED)


def test_an_existing_file_is_kept_unless_it_may_be_overwritten(path):
    write_concepts(path, SMALL)
    other = replace(SMALL, name=("x", "y", "z"))
    with pytest.raises(ExistingOutputError, match="--overwrite"):
        write_concepts(path, other)
    assert read_hdf5(path).name == SMALL.name
    write_concepts(path, other, overwrite=True)
    assert read_hdf5(path).name == other.name
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("name", [np.bytes_(FORMAT), np.array([f"{FORMAT}  ".encode()])])
def test_a_file_that_is_read_can_be_overwritten_however_it_tells_its_format(path, name):
    write_concepts(path, SMALL)
    with h5py.File(path, "r+") as file:
        file.attrs["format"] = name
        seal(file)
    assert read_hdf5(path).id == SMALL.id
    write_concepts(path, UNDEFINED, overwrite=True)
    assert contents(read_hdf5(path)) == contents(UNDEFINED)


@pytest.mark.parametrize("room", [0, 100, 5_000])
def test_a_full_disk_leaves_nothing_behind(path, room):
    with room_for(room), pytest.raises(StorageError, match=r"Cannot write .*concepts\.h5"):
        write_concepts(path, SMALL)
    assert list(path.parent.iterdir()) == []


def test_a_missing_file_is_named(path):
    with pytest.raises(MissingFileError, match=r"concepts\.h5"):
        read_hdf5(path)


def swap(name, **dataset):
    def change(file):
        del file[name]
        file.create_dataset(name, **dataset)

    return change


def external_link(file):
    del file["bits"]
    file["bits"] = h5py.ExternalLink("/etc/hostname", "bits")


def soft_link(file):
    file["sample_id2"] = file["sample_id"]
    del file["sample_id"]
    file["sample_id"] = h5py.SoftLink("/sample_id2")


def external_storage(file):
    del file["bits"]
    file.create_dataset("bits", (3, 1), np.uint64, external=[("/etc/hostname", 0, 24)])


def remove(name):
    def change(file):
        del file[name]

    return change


def attribute(name, value):
    def change(file):
        file.attrs[name] = value

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (attribute("format", "invert-activations"), "not an invert-concepts file"),
        (attribute("format_version", 4), "format version 4"),
        (attribute("n_samples", "3"), "how many samples"),
        (attribute("n_samples", [3, 3]), "how many samples"),
        (attribute("n_samples", 300), "bits have shape|sample ids, but 300"),
        (attribute("n_samples", 2**62), "sample ids, but"),
        (attribute("n_samples", -3), "at least one"),
        (remove("bits"), "bits is missing"),
        (remove("definition"), "definition is missing"),
        (remove("parents"), "parents is missing"),
        (swap("bits", data=np.zeros((3, 1), np.int64)), "type int64"),
        (swap("bits", data=np.full((3, 1), 8, np.uint64)), "after the last of 3"),
        (swap("bits", data=np.zeros(3, np.uint64)), "bits has shape"),
        (swap("bits", shape=(2**40, 2**15), dtype=np.uint64, chunks=(1, 8)), "does not hold"),
        (swap("id", shape=(2**45,), dtype=h5py.string_dtype(), chunks=(8,)), "does not hold"),
        (swap("id", data=[1, 2, 3]), "not a list of strings"),
        (swap("id", data=["n1", "n1", "n2"]), "repeats: 'n1'"),
        (swap("name", data=[b"\xff", b"a", b"b"]), "name .* can't decode byte"),
        (swap("parents", data=[[0, 9]]), "parents name concepts"),
        (external_link, "link to somewhere else"),
        (soft_link, "link to somewhere else"),
        (external_storage, "other files"),
    ],
)
def test_a_hostile_or_broken_file_is_refused(path, change, words):
    write_concepts(path, SMALL)
    with h5py.File(path, "r+") as file:
        without_checksums(file, 2)
        change(file)
    with pytest.raises(InvertError, match=words) as caught:
        read_hdf5(path)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (swap("defined", data=np.full((3, 1), 7, np.int64)), "what is defined .* type int64"),
        (swap("defined", data=np.full((3, 2), 7, np.uint64)), r"what is defined .*\(3, 2\)"),
        (swap("defined", data=np.full(3, 7, np.uint64)), "defined has shape"),
        (swap("defined", data=np.full((3, 1), 7.0)), "defined has shape .* float64"),
        (swap("defined", data=np.full((3, 1), 15, np.uint64)), "set after the last of 3"),
        (swap("defined", data=np.full((3, 1), 1, np.uint64)), "'n1' is true on samples on which"),
        (swap("defined", shape=(2**40, 8), dtype=np.uint64, chunks=(1, 8)), "does not hold"),
        (swap("alias", data=["n9"]), "has 1 aliases, 2 names"),
        (swap("alias", data=["n9", "n1"]), "repeats: 'n1'"),
        (swap("alias", data=["n9", "n9"]), "repeats: 'n9'"),
        (swap("alias", data=[8, 9]), "not a list of strings"),
        (swap("alias_name", data=["wader"]), "has 2 aliases, 1 names"),
        (swap("alias_name", data=["wader", ""]), "name is empty"),
        (swap("alias_of", data=[[0], [3]]), "stands for concept number 3"),
        (swap("alias_of", data=[[0], [-1]]), "stands for concept number -1"),
        (swap("alias_of", data=[0, 2]), "alias_of has shape"),
        (swap("alias_of", data=[[0, 1], [2, 0]]), r"indices of shape \(2, 2\)"),
        (swap("alias_of", data=[[0.0], [2.0]]), "type float64"),
        (remove("alias_name"), "alias_name is missing"),
        (remove("alias_of"), "alias_of is missing"),
    ],
)
def test_hostile_or_broken_marks_of_what_is_undefined_or_merged_are_refused(path, change, words):
    write_concepts(path, UNDEFINED)
    with h5py.File(path, "r+") as file:
        without_checksums(file, 2)
        change(file)
    with pytest.raises(InvertError, match=words) as caught:
        read_hdf5(path)
    assert caught.value.hint


@pytest.mark.parametrize("name", ["defined", "alias", "alias_name", "alias_of"])
def test_no_part_may_lie_elsewhere(path, name):
    write_concepts(path, UNDEFINED)
    with h5py.File(path, "r+") as file:
        without_checksums(file, 2)
        del file[name]
        file[name] = h5py.ExternalLink("/etc/hostname", name)
    with pytest.raises(FileFormatError, match="link to somewhere else"):
        read_hdf5(path)


def test_bits_of_the_other_byte_order_are_read(path):
    write_concepts(path, SMALL)
    with h5py.File(path, "r+") as file:
        without_checksums(file, 2)
        del file["bits"]
        file["bits"] = SMALL.bits.astype(">u8")
    assert contents(read_hdf5(path)) == contents(SMALL)


def test_a_truncated_file_is_refused(path):
    write_concepts(path, SMALL)
    whole = path.read_bytes()
    for size in range(0, len(whole), 97):
        path.write_bytes(whole[:size])
        with pytest.raises(FileFormatError):
            read_hdf5(path)


@pytest.mark.parametrize("structure", [b"TREE", b"HEAP", b"SNOD", b"GCOL"])
def test_a_file_with_damaged_structure_is_refused(path, structure):
    write_concepts(path, SMALL)
    whole = path.read_bytes()
    assert structure in whole
    path.write_bytes(whole.replace(structure, b"????"))
    with pytest.raises(FileFormatError, match=r"concepts\.h5"):
        read_hdf5(path)
