import logging
import random

import numpy as np
import pytest

from invert_core.concepts.sets.concept_set import Alias
from invert_core.concepts.sources.arrays import read_arrays
from invert_core.errors import DataError, FileFormatError, InvertError, MissingFileError

GOOD = {
    "labels": np.array([[0, 1], [1, 1], [0, 0]]),
    "id": np.array(["a", "ä b"]),
    "name": np.array(["A", "B"]),
    "definition": np.array(["", "second"]),
    "sample_id": np.array(["x", "y", "z"]),
    "parents": np.array([[1, 0]]),
}


def saved(folder, arrays):
    path = folder / "concepts.npz"
    np.savez(path, **arrays)
    return path


def test_all_arrays_are_read(tmp_path):
    concepts = read_arrays(saved(tmp_path, GOOD))
    assert concepts.id == ("a", "ä b")
    assert concepts.name == ("A", "B")
    assert concepts.definition == ("", "second")
    assert concepts.sample_id == ("x", "y", "z")
    assert concepts.parents.tolist() == [[1, 0]]
    assert concepts.dense().tolist() == [[False, True], [True, True], [False, False]]


def test_labels_and_ids_are_enough_and_other_arrays_are_named(tmp_path, caplog):
    arrays = {"labels": GOOD["labels"].astype(bool), "id": GOOD["id"], "more": np.zeros(3)}
    with caplog.at_level(logging.INFO, "invert"):
        concepts = read_arrays(saved(tmp_path, arrays))
    assert concepts.sample_id is None
    assert concepts.name == concepts.id
    assert "concepts.npz: ignored the array 'more'." in caplog.text


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"labels": None}, FileFormatError, "no array 'labels'"),
        ({"id": None}, FileFormatError, "no array 'id'"),
        ({"id": np.array([1, 2])}, FileFormatError, "'id' has shape .* type int64"),
        ({"id": np.array([["a", "b"]])}, FileFormatError, "'id' has shape"),
        (
            {"id": np.array(["a", "b"], object)},
            FileFormatError,
            "cannot be read as .*numbers and strings",
        ),
        ({"name": np.array([b"A", b"B"])}, FileFormatError, "'name' has shape .* type .S1"),
        ({"id": np.array(["a", "a"])}, DataError, "repeats: 'a'"),
        ({"id": np.array(["a"])}, DataError, "2 columns of labels for 1"),
        ({"sample_id": np.array(["x", "y"])}, DataError, "2 sample ids, but 3"),
        ({"labels": np.full((3, 2), 2)}, DataError, "concept 'a' on sample 'x' is 2"),
        ({"labels": np.zeros(3)}, DataError, "Labels have shape"),
        ({"parents": np.array([[0, 5]])}, DataError, "parents name concepts"),
    ],
)
def test_arrays_that_are_missing_or_wrong_are_refused(tmp_path, change, error, words):
    arrays = {name: array for name, array in (GOOD | change).items() if array is not None}
    with pytest.raises(error, match=words) as caught:
        read_arrays(saved(tmp_path, arrays))
    assert caught.value.hint


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(MissingFileError, match=r"no\.npz"):
        read_arrays(tmp_path / "no.npz")


def test_a_single_array_under_the_name_of_an_archive_is_refused(tmp_path):
    with (tmp_path / "one.npz").open("wb") as file:
        np.save(file, np.eye(3))
    with pytest.raises(FileFormatError, match="a single array"):
        read_arrays(tmp_path / "one.npz")


@pytest.mark.parametrize("compress", [np.savez, np.savez_compressed])
def test_a_damaged_file_is_refused_or_read_but_never_breaks_the_program(tmp_path, compress):
    path = tmp_path / "concepts.npz"
    compress(path, **GOOD)
    whole = path.read_bytes()
    chance = random.Random(0)
    for cut in range(0, len(whole), 7):
        path.write_bytes(whole[:cut])
        with pytest.raises(InvertError):
            read_arrays(path)
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(len(whole))] = chance.randrange(256)
        path.write_bytes(damaged)
        try:
            read_arrays(path)
        except InvertError:
            continue


@pytest.mark.parametrize(
    "labels", [np.array([[0, -1], [1, 1]], np.int8), np.array([[0, np.nan], [1, -1.0]], np.float16)]
)
def test_minus_one_and_nan_are_not_defined(tmp_path, labels):
    concepts = read_arrays(saved(tmp_path, {"labels": labels, "id": ["a", "b"]}))
    assert concepts.dense().tolist() == (labels == 1).tolist()
    assert concepts.defined_on("a").tolist() == [True, True]
    assert concepts.defined_on("b").tolist() == (labels[:, 1] >= 0).tolist()


ALIASES = {
    "alias": np.array(["c", "d"]),
    "alias_name": np.array(["C", "D"]),
    "alias_of": np.array([1, 1]),
}


def test_aliases_are_read(tmp_path):
    concepts = read_arrays(saved(tmp_path, GOOD | ALIASES))
    assert concepts.aliases == (Alias("c", "C", 1), Alias("d", "D", 1))
    assert concepts.index("d") == 1
    none = {name: array[:0] for name, array in ALIASES.items()}
    assert read_arrays(saved(tmp_path, GOOD | none)).aliases == ()


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"alias_of": None}, FileFormatError, "has 'alias', but no array 'alias_of'"),
        ({"alias": None, "alias_name": None}, FileFormatError, "'alias_of', but no array 'alias'"),
        ({"alias": np.array([1, 2])}, FileFormatError, "'alias' has shape .* type int64"),
        ({"alias_name": np.array(["C"])}, DataError, "2 aliases, 1 names"),
        ({"alias_of": np.array([0])}, DataError, r"indices of shape \(1,\)"),
        ({"alias_of": np.array([0.0, 1.0])}, DataError, "type float64"),
        ({"alias_of": np.array([0, 2])}, DataError, "alias 'd' stands for concept number 2"),
        ({"alias_of": np.array([0, -1])}, DataError, "alias 'd' stands for concept number -1"),
        ({"alias": np.array(["c", "a"])}, DataError, "repeats: 'a'"),
    ],
)
def test_aliases_that_do_not_fit_are_refused(tmp_path, change, error, words):
    arrays = GOOD | ALIASES | change
    arrays = {name: array for name, array in arrays.items() if array is not None}
    with pytest.raises(error, match=words) as caught:
        read_arrays(saved(tmp_path, arrays))
    assert caught.value.hint
