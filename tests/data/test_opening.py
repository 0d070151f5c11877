import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from invert_core.data import ArraySource, DataSettings, Preprocess, Tokenize, open_data
from invert_core.errors import (
    DataError,
    FileFormatError,
    MissingFileError,
    SettingError,
)
from invert_core.files import numpy_files
from invert_core.models.backend import ModelInput

ONE = (ModelInput("x", (None, 3, 4, 4), np.dtype("f4")),)
TWO = (*ONE, ModelInput("mask", (None, 4), np.dtype("i8")))
A = np.arange(12, dtype=np.float32).reshape(3, 4)


@pytest.fixture
def images(tmp_path):
    for i in range(3):
        Image.new("RGB", (4, 4), (i, i, i)).save(tmp_path / f"{i}.png")
    return tmp_path


def only_batch(source):
    (batch,) = source.batches(0, 100)
    return batch.inputs


def test_an_array_feeds_the_only_input():
    assert np.array_equal(only_batch(open_data(A, ONE))["x"], A)


def test_npy_feeds_the_only_input(tmp_path):
    np.save(tmp_path / "a.npy", A)
    assert np.array_equal(only_batch(open_data(tmp_path / "a.npy", ONE))["x"], A)


def test_files_are_known_by_their_suffix_in_any_case(tmp_path):
    np.save(tmp_path / "a.npy", A)
    np.savez(tmp_path / "b.npz", x=A)
    for name, other in (("a.npy", "a.NPY"), ("b.npz", "b.NPZ")):
        source = open_data((tmp_path / name).rename(tmp_path / other), ONE)
        assert np.array_equal(only_batch(source)["x"], A)


def test_npz_feeds_inputs_by_name_and_brings_ids(tmp_path):
    np.savez(tmp_path / "a.npz", x=A, mask=A, sample_ids=np.array(["a", "b", "c"]))
    source = open_data(str(tmp_path / "a.npz"), TWO)
    assert source.sample_id == ("a", "b", "c")
    assert set(only_batch(source)) == {"x", "mask"}


def test_a_mapping_feeds_inputs_by_name():
    assert set(only_batch(open_data({"x": A, "mask": A}, TWO))) == {"x", "mask"}


def test_a_source_is_taken_as_it_is():
    source = ArraySource({"x": A})
    assert open_data(source, ONE) is source


def test_the_same_content_is_the_same_data_wherever_it_comes_from(tmp_path):
    np.save(tmp_path / "a.npy", A)
    assert open_data(tmp_path / "a.npy", ONE).manifest == open_data(A, ONE).manifest


def test_a_folder_feeds_the_only_input(images):
    assert only_batch(open_data(images, ONE))["x"].shape == (3, 3, 4, 4)


@pytest.mark.parametrize("dtype", ["float16", "uint8"])
def test_images_become_the_type_that_the_model_takes(images, dtype):
    inputs = (ModelInput("x", (None, 4, 4, 3), np.dtype(dtype)),)
    source = open_data(images, inputs, DataSettings(Preprocess(layout="NHWC")))
    assert only_batch(source)["x"].dtype == dtype


@pytest.mark.parametrize("kind", ["folder", "npy", "array"])
def test_a_model_with_two_inputs_needs_named_arrays(images, kind):
    np.save(images / "a.npy", A)
    data = {"folder": images, "npy": images / "a.npy", "array": A}[kind]
    with pytest.raises(DataError, match=r"2 inputs \(x, mask\).*npz"):
        open_data(data, TWO)


def test_preprocessing_of_arrays_is_refused():
    with pytest.raises(SettingError, match="data is in memory"):
        open_data(A, ONE, DataSettings(Preprocess()))


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_pickled_objects_are_not_unpickled(tmp_path, suffix):
    save = np.save if suffix == "npy" else np.savez
    save(tmp_path / f"a.{suffix}", np.array([{}, {}]))
    with pytest.raises(FileFormatError, match="cannot be read"):
        open_data(tmp_path / f"a.{suffix}", ONE)


@pytest.mark.parametrize("suffix", ["npy", "npz"])
@pytest.mark.parametrize("content", [b"", b"x", b"PK", b"PK\3\4", b"\x93NUMPY"])
def test_what_is_no_numpy_file_is_refused_without_advice_to_unpickle(tmp_path, suffix, content):
    (tmp_path / f"a.{suffix}").write_bytes(content)
    with pytest.raises(FileFormatError, match="cannot be read") as caught:
        open_data(tmp_path / f"a.{suffix}", ONE)
    assert "pickle" not in str(caught.value)


@pytest.mark.parametrize("shape", ["(True, 1)", "(2**70,)", "((1,),)", "(" * 500 + ")" * 500])
def test_a_header_with_a_senseless_shape_is_refused(tmp_path, shape):
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    content = b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header + bytes(64)
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(FileFormatError, match=r"cannot be read as \.npy"):
        open_data(tmp_path / "a.npy", ONE)


def test_an_archive_larger_than_memory_says_what_to_use(tmp_path, monkeypatch):
    np.savez(tmp_path / "a.npz", x=A)

    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(numpy_files, "_read_member", fail)
    with pytest.raises(FileFormatError, match=r"\.npy, which is not read all at once"):
        open_data(tmp_path / "a.npz", ONE)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.npy")
    with pytest.raises(MissingFileError, match="is a pipe"):
        open_data(tmp_path / "a.npy", ONE)


def given(setting):
    """One setting, as an argument of `open_data`."""
    values = {
        "preprocess": Preprocess(),
        "text": Tokenize("tokenizer.json"),
        "column": "a",
        "id_column": "b",
        "root": ".",
        "workers": 0,
        "skip_bad": True,
        "follow_links": True,
    }
    return {setting: values[setting]}


OF_IMAGES = {"preprocess", "workers", "skip_bad"}
OF_TABLES = {"column", "id_column"}
ALL = [*OF_IMAGES, *OF_TABLES, "root", "text", "follow_links"]


@pytest.mark.parametrize(
    ("data", "allowed"),
    [
        ("array", set()),
        ("iterable", set()),
        ("a.npy", {"text"}),
        ("images", {*OF_IMAGES, "text", "follow_links"}),
        ("images.zip", {*OF_IMAGES, "text"}),
        ("paths.csv", {*OF_IMAGES, *OF_TABLES, "root", "text", "follow_links"}),
    ],
)
def test_settings_for_another_kind_of_data_are_refused(tmp_path, monkeypatch, data, allowed):
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", A)
    Path("images").mkdir()
    Path("images.zip").touch()
    Path("paths.csv").touch()
    data = {"array": A, "iterable": [A]}.get(data, data)
    for setting in sorted(set(ALL) - allowed):
        with pytest.raises(SettingError, match=r"was given, but .*\. It is for .*leave it out"):
            open_data(data, ONE, DataSettings(**given(setting)))


@pytest.mark.parametrize("setting", ["preprocess", "root", "workers", "skip_bad", "follow_links"])
def test_settings_of_images_are_refused_for_texts(tmp_path, setting):
    (tmp_path / "a.txt").touch()
    with pytest.raises(SettingError, match="is read as texts"):
        open_data(tmp_path / "a.txt", ONE, DataSettings(text=Tokenize("x.json"), **given(setting)))


def test_batches_in_memory_feed_the_only_input():
    assert np.array_equal(only_batch(open_data([A, A], ONE))["x"], np.concatenate([A, A]))


def test_what_is_no_data_is_refused():
    with pytest.raises(DataError, match="'int' cannot be read"):
        open_data(3, ONE)


def test_texts_without_a_tokenizer_ask_for_one(tmp_path):
    (tmp_path / "a.txt").write_text("a text\n")
    (tmp_path / "a.csv").write_text("text\na text\n")
    with pytest.raises(FileFormatError, match="--tokenizer"):
        open_data(tmp_path / "a.txt", ONE)
    for path in (tmp_path, tmp_path / "a.csv"):
        with pytest.raises(DataError, match="--tokenizer"):
            open_data(path, TWO)


def test_a_table_with_a_tokenizer_is_read_as_texts(tmp_path):
    (tmp_path / "a.csv").write_text("text\nx\n")
    with pytest.raises(DataError, match="take tokens"):
        open_data(
            tmp_path / "a.csv",
            ONE,
            DataSettings(text=Tokenize(tmp_path / "tokenizer.json")),
        )


def test_a_single_image_asks_for_its_folder(images):
    with pytest.raises(FileFormatError, match="folder it is in"):
        open_data(images / "0.png", ONE)


def test_a_missing_path_is_missing(tmp_path):
    with pytest.raises(MissingFileError, match="no file or folder"):
        open_data(tmp_path / "no.npy", ONE)
