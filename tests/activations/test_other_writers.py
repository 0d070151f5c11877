"""Files of other programs give the same activations and concepts as our own files."""

import h5py
import numpy as np
import pytest

from invert_core import label, open_activations
from invert_core.concepts import ConceptSet, read_concepts, write_concepts
from invert_core.errors import DataError, FileFormatError
from tests.concepts.contents import contents

IDS = ["a", "b c", "ü"]
MATRIX = np.array([[0, 1], [3, -2], [1, 5]], np.float32)

STRPADS = {"C": h5py.h5t.STR_NULLTERM, "Julia": h5py.h5t.STR_NULLPAD, "R": h5py.h5t.STR_SPACEPAD}


def fixed_text(item, name, text, padding):
    """An attribute of fixed length, longer than the text, as C and R write it."""
    kind = h5py.h5t.C_S1.copy()
    kind.set_size(len(text) + 3)
    kind.set_strpad(padding)
    fill = b" " if padding == h5py.h5t.STR_SPACEPAD else b"\0"
    attribute = h5py.h5a.create(item.id, name.encode(), kind, h5py.h5s.create(h5py.h5s.SCALAR))
    stored = np.array(text.encode().ljust(len(text) + 3, fill), f"S{len(text) + 3}")
    attribute.write(stored, mtype=kind)


def make(path, values=MATRIX, padding=h5py.h5t.STR_NULLTERM, number=np.float64):
    with h5py.File(path, "w") as file:
        fixed_text(file, "format", "invert-activations", padding)
        file.attrs["format_version"] = number(1)
        file.attrs["rows_done"] = number(3)
        file.create_dataset("sample_id", data=np.array([each.encode() for each in IDS], "S9"))
        layer = file.create_group("layers/fc")
        fixed_text(layer, "name", "fc", padding)
        layer["activations"] = values
        layer["unit"] = np.array([b"x", b"yy"], "S2")
        layer.attrs["repeat_difference"] = number(0)
    return path


def one(value):
    """A vector of one number, as R writes numbers."""
    return np.array([value], np.int32)


def matlab(value):
    """A matrix of one double, as MATLAB holds numbers."""
    return np.array([[value]], np.float64)


@pytest.mark.parametrize("padding", STRPADS.values(), ids=STRPADS)
@pytest.mark.parametrize("number", [np.float64, np.int8, np.uint64, one, matlab])
def test_attributes_are_read_as_other_languages_write_them(tmp_path, padding, number):
    with open_activations(make(tmp_path / "x.h5", padding=padding, number=number)) as found:
        assert found.sample_id == tuple(IDS)
        layer = found.layers["fc"]
        assert layer.unit == ("x", "yy")
        assert layer.steadiness.repeat == 0
        assert np.array_equal(layer.read(0, 2), MATRIX.T)


@pytest.mark.parametrize("version", [2**31, 0.5, np.nan, np.inf, [1, 1], "1", True])
def test_a_version_that_is_no_version_of_ours_is_refused(tmp_path, version):
    path = make(tmp_path / "x.h5")
    with h5py.File(path, "r+") as file:
        file.attrs["format_version"] = version
    with pytest.raises(FileFormatError, match="has format version"):
        open_activations(path)


@pytest.mark.parametrize("rows", [2.5, -3.0, np.nan, [3, 3], "3", True])
def test_a_number_of_rows_that_is_none_is_refused(tmp_path, rows):
    path = make(tmp_path / "x.h5")
    with h5py.File(path, "r+") as file:
        file.attrs["rows_done"] = rows
    with pytest.raises(FileFormatError, match="how many of its rows are valid"):
        open_activations(path)


@pytest.mark.parametrize("dtype", ["i1", "i2", "i4", "i8", ">i4", ">f4", ">f8", "f2"])
def test_numbers_of_every_type_are_read_exactly(tmp_path, dtype):
    stored = np.array([[0, 127], [-128, 5], [17, -1]], dtype)
    with open_activations(make(tmp_path / "x.h5", stored)) as found:
        assert found.layers["fc"].read(0, 2).tolist() == stored.T.astype(float).tolist()


@pytest.mark.parametrize("dtype", ["i4", "u4", "i8", "u8"])
def test_integers_are_kept_apart_as_far_as_float64_does(tmp_path, dtype):
    largest = min(2**53, np.iinfo(dtype).max)
    stored = np.array([[largest], [largest - 1], [0]], dtype)
    path = make(tmp_path / "x.h5", np.hstack([stored, stored]))
    with open_activations(path) as found:
        assert list(map(int, found.layers["fc"].read(0, 1)[0])) == [largest, largest - 1, 0]


def test_integers_beyond_2_to_the_53_are_refused(tmp_path):
    path = make(tmp_path / "x.h5", np.full((3, 2), 2**53 + 1))
    with open_activations(path) as found, pytest.raises(DataError, match=r"beyond 2\*\*53"):
        found.layers["fc"].read(0, 1)


def test_bool_and_its_enumeration_are_read_as_0_and_1(tmp_path):
    path = make(tmp_path / "x.h5", MATRIX > 0)
    with open_activations(path) as found:
        assert found.layers["fc"].read(0, 2).tolist() == (MATRIX > 0).T.astype(float).tolist()


def test_an_enumeration_of_words_is_refused_because_its_codes_are_no_activations(tmp_path):
    path = make(tmp_path / "x.h5")
    logical = h5py.enum_dtype({"FALSE": 0, "TRUE": 1, "NA": 2}, "i1")  # R's, with missing values
    with h5py.File(path, "r+") as file:
        del file["layers/fc/activations"]
        file["layers/fc"].create_dataset("activations", data=np.zeros((3, 2), "i1"), dtype=logical)
    with pytest.raises(FileFormatError, match=r"enumeration \(FALSE, NA, TRUE\)"):
        open_activations(path)


def test_a_concept_file_of_another_program_equals_ours(tmp_path):
    concepts = ConceptSet.from_arrays(
        [[1, 0], [0, 1], [1, 1]], id=["n1", "n2"], definition=["", "x"], sample_id=IDS
    )
    write_concepts(tmp_path / "ours.h5", concepts)
    with h5py.File(tmp_path / "theirs.h5", "w") as file:
        fixed_text(file, "format", "invert-concepts", h5py.h5t.STR_SPACEPAD)
        file.attrs["format_version"] = 1.0
        file.attrs["n_samples"] = np.array([3.0])
        file["bits"] = concepts.bits
        file["parents"] = np.zeros((0, 2), np.int32)
        file["id"] = np.array([b"n1", b"n2"])
        file["name"] = np.array([b"n1", b"n2"], "S8")
        file["definition"] = np.array([b"", b"x"], "S8")
        file["sample_id"] = np.array([each.encode() for each in IDS], "S9")
    assert contents(read_concepts(tmp_path / "theirs.h5")) == contents(
        read_concepts(tmp_path / "ours.h5")
    )


def test_integers_give_the_same_labels_as_floats(tmp_path):
    marks = {"k": np.arange(40) % 3 == 0}
    values = np.random.default_rng(0).integers(-100, 100, (40, 3))
    rows = [
        [(row.formula, row.auc, row.u) for row in label(values.astype(dtype), marks)]
        for dtype in ("i1", "f4", "f8")
    ]
    assert rows[0] == rows[1] == rows[2]
