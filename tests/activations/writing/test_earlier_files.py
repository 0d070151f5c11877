"""What an earlier run has left under the name of the output."""

import os

import h5py
import numpy as np
import pytest

from invert_core.errors import (
    ExistingOutputError,
    FileFormatError,
    StaleFileError,
)
from invert_core.files.hdf5_checksums import seal
from tests.activations.writing.written import (
    fill,
    finish,
    matrix,
    other,
    read,
    unfinished,
    writer_of,
)


@pytest.mark.parametrize("state", ["finished", "unfinished"])
@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"model": "xyz"}, 'model "abc", now it is "xyz"'),
        ({"preprocessing": {"mean": [0.1]}}, r"preprocessing\.mean \[0\.5\], now it is \[0\.1\]"),
        ({"new": 1}, "new null, now it is 1"),
        ({"model": "xyz", "layers": ["conv"]}, "these differ too: layers"),
        ({"model": "x" * 500}, "now it is .{50,70}…"),
    ],
)
def test_a_stale_file_names_the_field_that_differs(tmp_path, state, fields, said):
    path, values = tmp_path / "x.h5", matrix(3000, 3)
    with writer_of(path, 3000) as writer:
        fill(writer, values)
        if state == "finished":
            writer.finish()
    before = {file: (tmp_path / file).read_bytes() for file in os.listdir(tmp_path)}
    with pytest.raises(StaleFileError, match=said) as caught:
        writer_of(path, 3000, **other(**fields))
    assert "--overwrite" in caught.value.hint
    assert {file: (tmp_path / file).read_bytes() for file in os.listdir(tmp_path)} == before


def test_overwriting_keeps_the_finished_file_until_the_new_one_is_whole(tmp_path):
    path, old, new = tmp_path / "x.h5", matrix(3000, 3), matrix(3000, 5, seed=1)
    finish(path, old)
    with writer_of(path, 3000, overwrite=True, **other(model="xyz")) as writer:
        assert writer.rows_done == 0
        fill(writer, new, stop=2500)
        assert np.array_equal(read(path)["fc"], old)
    assert np.array_equal(read(path)["fc"], old)
    with writer_of(path, 3000, **other(model="xyz")) as writer:
        assert writer.rows_done == 2500
        fill(writer, new)
        writer.finish()
    assert np.array_equal(read(path)["fc"], new)


def test_overwriting_starts_anew(tmp_path):
    path, values = tmp_path / "x.h5", matrix(3000, 3)
    with writer_of(path, 3000) as writer:
        fill(writer, values)
    with writer_of(path, 3000, overwrite=True) as writer:
        assert writer.rows_done == 0
        assert not writer.finished


def test_a_file_of_another_contract_is_said_to_be_of_another_version(tmp_path):
    path, values = tmp_path / "x.h5", matrix(10, 3)
    finish(path, values, **other(contract=1))
    with pytest.raises(StaleFileError, match=r"made by another version of invert .*contract 1"):
        writer_of(path, 10, **other(contract=2, new=3))


@pytest.mark.parametrize("content", [b"", b"precious", None])
def test_a_file_of_something_else_is_left_alone(tmp_path, content):
    path = tmp_path / "x.h5"
    if content is None:
        with h5py.File(path, "w") as file:
            file.attrs.update({"format": "invert-activations", "format_version": 1})
    else:
        path.write_bytes(content)
    before = path.read_bytes()
    said = "is not an" if content == b"precious" else "--overwrite"
    with pytest.raises(ExistingOutputError, match=said):
        writer_of(path, 10)
    assert path.read_bytes() == before


def test_an_unfinished_file_under_the_final_name_is_not_taken_for_finished(tmp_path):
    path, values = tmp_path / "x.h5", matrix(3000, 3)
    unfinished(path, values, stop=2000).rename(path)
    with pytest.raises(ExistingOutputError, match=r"not a whole file of activations.*--overwrite"):
        writer_of(path, 3000)
    finish(path, values, overwrite=True)
    assert np.array_equal(read(path)["fc"], values)


def test_a_folder_is_never_replaced(tmp_path):
    with pytest.raises(ExistingOutputError, match="folder"):
        writer_of(tmp_path, 10, overwrite=True)


def test_a_missing_folder_is_said_at_once(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        writer_of(tmp_path / "no" / "x.h5", 10)


@pytest.mark.parametrize("keep", [0, 100, 5000])
def test_a_corrupt_unfinished_file_asks_for_overwrite(tmp_path, keep):
    path, values = tmp_path / "x.h5", matrix(3000, 3)
    partial = unfinished(path, values)
    partial.write_bytes(partial.read_bytes()[:keep])
    with pytest.raises(FileFormatError, match=r"broken.*--overwrite"):
        writer_of(path, 3000)
    finish(path, values, overwrite=True)
    assert np.array_equal(read(path)["fc"], values)
    assert not partial.exists()


def test_a_fingerprint_nested_too_deep_is_none(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(unfinished(path, matrix(3000, 3)), "r+") as file:
        file.attrs["fingerprint"] = "[" * 60_000
    with pytest.raises(FileFormatError, match="not made by an extraction"):
        writer_of(path, 3000)


def more_rows_than_samples(file):
    file.attrs["rows_done"] = 3001


def other_chunks(file):
    del file["layers/fc/activations"]
    file.create_dataset("layers/fc/activations", (3000, 3), "f4", chunks=(100, 3))


def compressed_chunks(file):
    del file["layers/fc/activations"]
    values = np.zeros((3000, 3), "f4")
    file.create_dataset("layers/fc/activations", data=values, chunks=(1024, 3), compression=1)


def no_chunks(file):
    del file["layers/fc/activations"]
    file["layers/fc/activations"] = np.zeros((3000, 3), "f4")


@pytest.mark.parametrize(
    "spoil", [more_rows_than_samples, other_chunks, compressed_chunks, no_chunks]
)
def test_an_unfinished_file_of_another_layout_asks_for_overwrite(tmp_path, spoil):
    path = tmp_path / "x.h5"
    with h5py.File(unfinished(path, matrix(3000, 3)), "r+") as file:
        spoil(file)
    with pytest.raises(FileFormatError, match=r"broken.*--overwrite"):
        writer_of(path, 3000)


def test_an_unfinished_file_that_points_elsewhere_is_not_written(tmp_path):
    path = tmp_path / "x.h5"
    finish(tmp_path / "precious.h5", matrix(3000, 3))
    with h5py.File(unfinished(path, matrix(3000, 3)), "r+") as file:
        del file["layers/fc"]
        file["layers/fc"] = h5py.ExternalLink("precious.h5", "/layers/fc")
    before = (tmp_path / "precious.h5").read_bytes()
    with pytest.raises(FileFormatError, match=r"do not match their checksum.*--overwrite"):
        writer_of(path, 3000)
    assert (tmp_path / "precious.h5").read_bytes() == before


@pytest.mark.parametrize("place", ["row_checksum", "layers/fc/activations_checksum"])
def test_checksums_of_an_unfinished_file_that_lie_elsewhere_are_not_written(tmp_path, place):
    path = tmp_path / "x.h5"
    with h5py.File(unfinished(path, matrix(3000, 3)), "r+") as file:
        with h5py.File(tmp_path / "precious.h5", "w") as precious:
            precious["x"] = file[place][...]
        del file[place]
        file[place] = h5py.ExternalLink("precious.h5", "/x")
        seal(file)
    before = (tmp_path / "precious.h5").read_bytes()
    with pytest.raises(FileFormatError, match=r"a link to somewhere else.*--overwrite"):
        writer_of(path, 3000)
    assert (tmp_path / "precious.h5").read_bytes() == before


@pytest.mark.parametrize("place", ["row_checksum", "layers/fc/activations_checksum"])
def test_checksums_of_an_unfinished_file_in_another_shape_ask_for_overwrite(tmp_path, place):
    path = tmp_path / "x.h5"
    with h5py.File(unfinished(path, matrix(3000, 3)), "r+") as file:
        del file[place]
        file[place] = np.zeros((1, 1), "<u4")
        seal(file)
    with pytest.raises(FileFormatError, match=r"not laid out.*--overwrite"):
        writer_of(path, 3000)


def test_an_unfinished_file_without_rows_is_started_anew_whatever_it_was_made_from(tmp_path):
    path, values = tmp_path / "x.h5", matrix(3000, 3)
    with h5py.File(unfinished(path, values), "r+") as file:
        file.attrs["rows_done"] = 0
    finish(path, values, **other(model="xyz"))
    assert np.array_equal(read(path)["fc"], values)


def test_an_unfinished_file_that_lacks_a_layer_is_broken(tmp_path):
    path = tmp_path / "x.h5"
    with writer_of(path, 3000, **other(layers=["fc", "lost"])) as writer:
        fill(writer, matrix(3000, 3), stop=2000)
    with pytest.raises(FileFormatError, match=r"x\.h5\.partial' is broken \(it lacks the layer 'l"):
        writer_of(path, 3000, **other(layers=["fc", "lost"]))
