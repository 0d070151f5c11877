"""Files of activations, whole, broken and hostile."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from invert_core import open_activations
from invert_core.activations import layout, reading
from invert_core.errors import DataError, FileFormatError, MissingFileError

GOLDEN = Path(__file__).parent.parent / "golden"
MATRIX = np.arange(12, dtype=np.float32).reshape(4, 3)


def make(path, layers=None, **attributes):
    """A valid file with one layer `fc`, for a test to spoil."""
    with h5py.File(path, "w") as file:
        file.attrs.update(
            {"format": "invert-activations", "format_version": 1, "rows_done": 4} | attributes
        )
        file.create_dataset("sample_id", data=["a", "b", "c", "d"], dtype=h5py.string_dtype())
        for name, values in (layers or {"fc": MATRIX}).items():
            file.create_dataset(f"layers/{name}/activations", data=values)
    return path


def refusal(path):
    with pytest.raises(FileFormatError) as caught, open_activations(path):
        pass
    assert caught.value.hint
    return str(caught.value)


def test_format_version_1_is_read_back():
    # The file was written by make_activations_v1.py beside it.
    with open_activations(GOLDEN / "activations_v1.h5") as activations:
        assert activations.sample_id == ("cat/1.jpg", "cat/ü.jpg", "dog.png")
        assert list(activations.layers) == ["layer4/1.relu", "fc"]
        relu, fc = activations.layers.values()
        assert relu.read(0, 2).tolist() == [[0, 1.5, 3], [np.inf, 0, -2]]
        assert fc.read(0, 1).tolist() == [[-1, 0.25, np.float32(1e-30)]]


def test_a_file_of_version_2_is_read():
    with open_activations(GOLDEN / "activations_v2.h5") as activations:
        layers = activations.layers
        assert activations.sample_id == ("cat/1.jpg", "cat/ü.jpg", "dog.png")
        assert activations.source == {"kind": "images", "path": "/data/photos"}
        assert activations.groups.names == ("cat", "dog")
        assert activations.groups.number.tolist() == [0, 0, 1]
        assert (layers["fc"].alias, layers["fc"].unit) == ("classifier", ("score",))
        assert layers["fc"].read(0, 1).tolist() == [[-1, 0.25, np.float32(1e-30)]]
        sparse = layers["latents"].read(0, 2)
        assert sparse.indptr.tolist() == [0, 1, 2]
        assert sparse.indices.tolist() == [1, 0]
        assert sparse.data.tolist() == [1.5, np.inf]


def test_float16_and_float64_files_of_other_programs_are_read(tmp_path):
    layers = {"half": MATRIX.astype("f2"), "double": MATRIX.astype("f8")}
    with open_activations(make(tmp_path / "x.h5", layers)) as activations:
        for layer in activations.layers.values():
            assert np.array_equal(layer.read(0, 3), MATRIX.T)


@pytest.mark.parametrize("chunks", [None, (4, 1), (1, 3), (3, 2)])
def test_any_chunking_is_read(tmp_path, chunks):
    path = make(tmp_path / "x.h5")
    with h5py.File(path, "r+") as file:
        del file["layers/fc/activations"]
        file.create_dataset(
            "layers/fc/activations",
            data=MATRIX,
            chunks=chunks,
            compression=chunks and "gzip",
        )
    with open_activations(path) as activations:
        assert np.array_equal(activations.layers["fc"].read(0, 3), MATRIX.T)


def test_names_of_units_are_read(tmp_path):
    path = make(tmp_path / "x.h5")
    with h5py.File(path, "r+") as file:
        file.create_dataset("layers/fc/unit", data=["0@0,0", "0@0,1", "1@0,0"])
    with open_activations(path) as activations:
        assert activations.layers["fc"].unit == ("0@0,0", "0@0,1", "1@0,0")


def test_a_file_without_ids_is_matched_by_position(tmp_path):
    path = make(tmp_path / "x.h5")
    with h5py.File(path, "r+") as file:
        del file["sample_id"]
    with open_activations(path) as activations:
        assert activations.sample_id is None
        assert activations.n_samples == 4


def test_layers_are_closed_with_the_file(tmp_path):
    with open_activations(make(tmp_path / "x.h5")) as activations:
        source = activations.layers["fc"].source
        assert source._dataset
    assert not source._dataset


def test_an_external_link_is_not_followed(tmp_path):
    make(tmp_path / "secret.h5")
    path = make(tmp_path / "x.h5")
    with h5py.File(path, "r+") as file:
        del file["layers/fc/activations"]
        file["layers/fc/activations"] = h5py.ExternalLink("secret.h5", "/layers/fc/activations")
    assert "link" in refusal(path)


def test_an_external_link_to_ids_is_not_followed(tmp_path):
    make(tmp_path / "secret.h5")
    path = make(tmp_path / "x.h5")
    with h5py.File(path, "r+") as file:
        del file["sample_id"]
        file["sample_id"] = h5py.ExternalLink("secret.h5", "/sample_id")
    assert "link" in refusal(path)


def test_an_external_link_to_a_layer_is_not_followed(tmp_path):
    make(tmp_path / "secret.h5")
    path = make(tmp_path / "x.h5")
    with h5py.File(path, "r+") as file:
        file["layers/more"] = h5py.ExternalLink("secret.h5", "/layers/fc")
    assert "link" in refusal(path)


def test_a_soft_link_is_not_followed(tmp_path):
    path = make(tmp_path / "x.h5")
    with h5py.File(path, "r+") as file:
        file.move("layers/fc/activations", "elsewhere")
        file["layers/fc/activations"] = h5py.SoftLink("/elsewhere")
    assert "link" in refusal(path)


def test_external_storage_is_not_read(tmp_path):
    secret = tmp_path / "secret.bin"
    secret.write_bytes(bytes(48))
    path = make(tmp_path / "x.h5")
    with h5py.File(path, "r+") as file:
        del file["layers/fc/activations"]
        file.create_dataset("layers/fc/activations", (4, 3), "f4", external=[(str(secret), 0, 48)])
    assert "other files" in refusal(path)


def test_a_virtual_dataset_is_not_read(tmp_path):
    make(tmp_path / "secret.h5")
    path = make(tmp_path / "x.h5")
    layout = h5py.VirtualLayout((4, 3), "f4")
    layout[:] = h5py.VirtualSource(tmp_path / "secret.h5", "layers/fc/activations", (4, 3))
    with h5py.File(path, "r+") as file:
        del file["layers/fc/activations"]
        file.create_virtual_dataset("layers/fc/activations", layout)
    assert "other files" in refusal(path)


def test_huge_chunks_are_refused_before_they_are_read(tmp_path):
    path = make(tmp_path / "x.h5")
    with h5py.File(path, "r+") as file:
        del file["layers/fc/activations"]
        file.create_dataset("layers/fc/activations", (4, 2**24), "f8", chunks=(4, 2**24))
    assert "chunks" in refusal(path)


def test_implausible_sizes_are_refused(tmp_path, monkeypatch):
    path = make(tmp_path / "x.h5")
    monkeypatch.setattr(layout, "UNIT_LIMIT", 2)
    assert "beyond" in refusal(path)


def test_implausibly_many_ids_are_refused_before_they_are_read(tmp_path, monkeypatch):
    path = make(tmp_path / "x.h5")
    monkeypatch.setattr(reading, "SAMPLE_LIMIT", 3)
    monkeypatch.setattr(reading, "read_strings", lambda _: pytest.fail("they were read"))
    assert "4 sample ids" in refusal(path)


def test_a_matrix_that_the_file_does_not_hold_is_refused(tmp_path):
    path = make(tmp_path / "x.h5", rows_done=2**24)
    with h5py.File(path, "r+") as file:
        del file["layers/fc/activations"], file["sample_id"]
        file.create_dataset("layers/fc/activations", (2**24, 64), "f4", chunks=(1024, 64))
    assert "claims 4,294,967,296 bytes, which the file does not hold" in refusal(path)


def test_another_number_of_unit_names_is_refused_before_they_are_read(tmp_path, monkeypatch):
    path = make(tmp_path / "x.h5")
    with h5py.File(path, "r+") as file:
        del file["sample_id"]
        file.create_dataset("layers/fc/unit", data=["a"] * 4)
    monkeypatch.setattr(reading, "read_strings", lambda _: pytest.fail("they were read"))
    assert "3 units and unit names of shape (4,)" in refusal(path)


@pytest.mark.parametrize("place", ["attribute", "group"])
def test_a_layer_name_that_is_not_text_is_refused(tmp_path, place):
    path = make(tmp_path / "x.h5")
    with h5py.File(path, "r+") as file:
        if place == "attribute":
            file["layers/fc"].attrs.create("name", b"caf\xe9", dtype=h5py.string_dtype())
        else:
            file.move("layers/fc", "layers/caf%00")
    assert "is not text: 'caf" in refusal(path)


@pytest.mark.parametrize(
    "values",
    [
        MATRIX.astype("c8"),
        np.zeros((4, 3), "S4"),
        MATRIX[:, 0],
        np.zeros((4, 3, 2), "f4"),
    ],
)
def test_other_types_and_ranks_are_refused(tmp_path, values):
    assert "float" in refusal(make(tmp_path / "x.h5", {"fc": values}))


def test_a_group_in_place_of_the_matrix_is_refused(tmp_path):
    path = make(tmp_path / "x.h5")
    with h5py.File(path, "r+") as file:
        del file["layers/fc/activations"]
        file.create_group("layers/fc/activations")
    assert "not a dataset" in refusal(path)


@pytest.mark.parametrize("part", [0.02, 0.3, 0.6, 0.9, 0.99])
def test_a_truncated_file_is_refused(tmp_path, part):
    path = make(tmp_path / "x.h5", {"fc": np.zeros((4, 5000), "f4")})
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    assert "HDF5" in refusal(path)


@pytest.mark.parametrize("structure", [b"HEAP", b"TREE", b"SNOD", b"GCOL"])
def test_a_damaged_structure_is_refused(tmp_path, structure):
    path = make(tmp_path / "x.h5")
    content = path.read_bytes()
    assert structure in content
    path.write_bytes(content.replace(structure, b"????"))
    assert "broken" in refusal(path)


def test_something_else_is_refused(tmp_path):
    path = tmp_path / "x.h5"
    path.write_text("hello")
    assert "HDF5" in refusal(path)


def test_another_format_is_refused(tmp_path):
    assert "'invert-concepts'" in refusal(make(tmp_path / "x.h5", format="invert-concepts"))


def test_a_newer_version_asks_for_an_update(tmp_path):
    assert "pip install" in refusal(make(tmp_path / "x.h5", format_version=3))


@pytest.mark.parametrize("rows_done", ["4", -1, 4.5])
def test_a_count_of_rows_that_is_none_is_refused(tmp_path, rows_done):
    assert "rows_done" in refusal(make(tmp_path / "x.h5", rows_done=rows_done))


def test_an_unfinished_file_asks_for_the_same_command(tmp_path):
    path = make(tmp_path / "x.h5.partial", rows_done=2)
    assert "2 of 4" in refusal(path)
    assert "same `invert extract` command" in refusal(path)
    assert "Rename" not in refusal(path)


def test_an_unfinished_file_that_was_renamed_asks_for_its_name(tmp_path):
    path = make(tmp_path / "x.h5", rows_done=2)
    assert "Rename it to 'x.h5.partial'. Finish it" in refusal(path)


def test_a_missing_file_points_to_the_unfinished_one(tmp_path):
    make(tmp_path / "x.h5.partial", rows_done=2)
    with pytest.raises(MissingFileError, match="same `invert extract` command"):
        open_activations(tmp_path / "x.h5")


def test_rows_and_ids_of_different_number_are_refused(tmp_path):
    path = make(tmp_path / "x.h5", {"fc": np.zeros((5, 3), "f4")}, rows_done=5)
    with pytest.raises(DataError, match="5 samples, but there are 4"):
        open_activations(path)


def test_repeated_ids_are_named(tmp_path):
    path = make(tmp_path / "x.h5")
    with h5py.File(path, "r+") as file:
        file["sample_id"][3] = "a"
    with pytest.raises(DataError, match="'a'"):
        open_activations(path)


def test_a_file_without_layers_is_refused(tmp_path):
    path = make(tmp_path / "x.h5")
    with h5py.File(path, "r+") as file:
        del file["layers/fc"]
    assert "no layers" in refusal(path)


def test_two_layers_of_one_name_are_refused(tmp_path):
    path = make(tmp_path / "x.h5", {"a": MATRIX, "b": MATRIX})
    with h5py.File(path, "r+") as file:
        file["layers/b"].attrs["name"] = "a"
    assert "two layers of the same name" in refusal(path)


def test_npy_is_one_layer_named_like_the_file(tmp_path):
    np.save(tmp_path / "embedding.npy", MATRIX)
    with open_activations(tmp_path / "embedding.npy") as activations:
        assert activations.sample_id is None
        assert np.array_equal(activations.layers["embedding"].read(0, 3), MATRIX.T)


@pytest.mark.parametrize("key", ["sample_id", "sample_ids"])
def test_npz_has_one_layer_per_array_in_its_order(tmp_path, key):
    ids = np.array(["a", "b", "c", "d"])
    np.savez(tmp_path / "x.npz", z=MATRIX, a=MATRIX[:, 0], **{key: ids})
    with open_activations(tmp_path / "x.npz") as activations:
        assert list(activations.layers) == ["z", "a"]
        assert activations.layers["a"].n_units == 1
        assert activations.sample_id == ("a", "b", "c", "d")


def test_npz_with_pickled_objects_is_not_unpickled(tmp_path):
    np.savez(tmp_path / "x.npz", fc=np.array([{}, {}]))
    assert "cannot be read" in refusal(tmp_path / "x.npz")


def test_npy_with_pickled_objects_is_not_unpickled(tmp_path):
    np.save(tmp_path / "x.npy", np.array([{}, {}]))
    assert "cannot be read" in refusal(tmp_path / "x.npy")


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
@pytest.mark.parametrize("keep", [0, 3, 20, -30])
def test_truncated_numpy_files_are_refused(tmp_path, suffix, keep):
    path = tmp_path / f"x{suffix}"
    (np.save if suffix == ".npy" else np.savez)(path, MATRIX)
    path.write_bytes(path.read_bytes()[:keep])
    assert "cannot be read" in refusal(path)


def test_an_npz_named_npy_is_refused(tmp_path):
    np.savez(tmp_path / "x.npz", MATRIX)
    path = (tmp_path / "x.npz").rename(tmp_path / "x.npy")
    assert "cannot be read" in refusal(path)


def test_an_unknown_suffix_lists_the_known_ones(tmp_path):
    (tmp_path / "x.mat").touch()
    assert ".npz" in refusal(tmp_path / "x.mat")


def test_a_missing_file_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"x\.npy"):
        open_activations(tmp_path / "x.npy")


@pytest.mark.parametrize("name", ["x.H5", "x.hdf5", "x.HDF5"])
def test_an_hdf5_file_is_known_by_either_suffix_in_any_case(tmp_path, name):
    with open_activations(make(tmp_path / name)) as activations:
        assert list(activations.layers) == ["fc"]


def test_a_numpy_file_is_known_by_its_suffix_in_any_case(tmp_path):
    np.save(tmp_path / "a.npy", MATRIX)
    np.savez(tmp_path / "b.npz", a=MATRIX)
    for name, other in (("a.npy", "a.NPY"), ("b.npz", "b.NPZ")):
        with open_activations((tmp_path / name).rename(tmp_path / other)) as activations:
            assert list(activations.layers) == ["a"]


@pytest.mark.parametrize("name", ["folder", "folder.h5", "folder.npy"])
def test_a_folder_is_called_a_folder(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(MissingFileError, match=f"{name}' is a folder"):
        open_activations(tmp_path / name)
